"""From columns to the vendor's JSON: what a record looks like, wherever it is shown.

`_render.c` alone decides that; `renderer.py` gives it columns, and puts in what the columns cannot hold.
"""
