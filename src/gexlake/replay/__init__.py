"""The vendor's service from a lake: a test double for programs that know the vendor, on a clock of its own.

    schedule, clock    which instant it is: days in a row, that run, stop and are sought. Pure
    lake_reader        records and whole sessions, straight from the published files; takes no lock
    access             who asks, and what the vendor says to whom it does not know
    faults             what is to go wrong, and how often. Pure
    signing, archive, downloads    signed addresses, the files behind them, and parts of files
    views              majors and maxchange
    hubs/              negotiated sockets, groups, and what is sent to them when
    routes/            requests into calls
    app, server        the application, and the process that serves it

Nothing that is later than the clock leaves the server.
"""
