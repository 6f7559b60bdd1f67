"""The words of the domain as types: feed, session, source file, columns, reports.

Types and what follows from them alone; nothing here reads a file or opens a database.
"""
