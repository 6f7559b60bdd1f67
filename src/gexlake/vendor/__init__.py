"""The vendor's language: names, paths, messages and frames, as its interfaces have them. Pure.

No sockets and no lake: what speaks with the vendor, and what stands in for it, say everything in these words.
"""
