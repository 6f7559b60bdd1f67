"""Requests into calls, and results into the vendor's answers."""
