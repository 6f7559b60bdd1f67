"""Protobuf schemas of the vendor's messages and of the socket service, and the code that `make proto` makes of them."""
