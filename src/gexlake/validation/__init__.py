"""Pure checks: columns in, findings out; the trading calendar and the gaps against it.

A record is refused by a rule of `rules.py`, each with its code; a warning belongs into `snapshots.py`. The calendar is
data (`nyse.json`), made by `tools/make_calendar.py`.
"""
