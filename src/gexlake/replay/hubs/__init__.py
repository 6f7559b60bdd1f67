"""Sockets.

slots       who has negotiated which
connection  one of them, and `outbox`, what its reader is still to be sent
broadcast   what is sent to a group, and when
news        messages, encoded once for all
"""
