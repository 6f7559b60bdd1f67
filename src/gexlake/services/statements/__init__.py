"""Users' SQL statements, run in processes that cannot write the lake.

pool, query    who asks: the service, with workers at the ready; the lake's owner, with one for one statement
hand_over      the owner of the database pins the live files and exports small tables, as committed at that moment
place          the private directory that one asker's workers see, and nothing else
process        a worker as its asker sees it: an order, an answer, SIGKILL at its time
worker         the process itself; `confine` is what the kernel forbids it, `check` and `rows` what it does
"""
