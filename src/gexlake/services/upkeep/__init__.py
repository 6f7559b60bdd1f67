"""Keeping a lake sound: verify it, repair it, rebuild its database, and take out or bring back what somebody says.

A new check belongs into `verify_session.py` (a session, in a worker) or `db/compare.py` (the database), with its code
in `models/checks.py`; what can be mended without guessing, into `repair.py`.
"""
