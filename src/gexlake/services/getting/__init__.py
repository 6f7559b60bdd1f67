"""History from the vendor: what is missing is planned, downloaded and imported.

order      what is wanted, and where it goes
places     how files are named in the directory, and the lock on one that is under way
manifest   what was fetched, with length and hash, and what there was none of
holdings   what the directory and the lake have
plan       pure: calendar x feeds x holdings -> what each day is, and what to ask for
access     what the plan of a key has, as far as its refusals say
fetch      one body, tried as often as it is worth
eod        the report of a day, likewise
run        all of it, in order
report     what became of each day
"""
