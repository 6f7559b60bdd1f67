"""What is asked of a lake that only reads: status, gaps, lineage, sessions, frames, views, pictures.

A new question is a module here, `@served` where it needs the database, and then a command and a route.
"""
