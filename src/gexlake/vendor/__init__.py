"""The vendor's language: names, paths, messages and frames, as its interfaces have them; and who asks it for history.

    names        of feeds and files
    groups       of the sockets
    messages     their payloads; `wire` is the schema
    frames       what is around them

What speaks it over the network:

    vendor_key   the key, which is shown nowhere
    http         the HTTP client of all that follow, and what goes wrong on the line
    pace         one request a second of each ticker and metric, whichever process asks
    trouble      what is worth trying again, and for how long
    history      requests for history, and what the answers mean
    download     one body to disk, resumed where it broke off
    body         what a body is: a whole JSON array, or why it is none
"""
