"""Recording live: from the vendor's interfaces into segments, and from those into answers and into the lake.

clock      what time it is: the system's, or a replay's
journal    segments: appended to, made durable once a second, cut where a line is torn
recorder   which records are new; what was missed, and why
poll       REST, on a grid of whole seconds
sockets    negotiated sockets, and what is done when they fall silent
imports    closed segments into the lake
runner     all of it, in session hours
tail       what segments hold that the lake does not yet, for the snapshot store of a service
"""
