"""What was read, when, from which bytes, with which outcome; and the records that were refused.

A new fact about a file is a column in `records.py`; why records are refused is decided in `validation/rules.py`.
"""
