"""The words of the domain as types: feed, session, source file, columns, reports."""
