"""Processes that work for this one: started, given work, stopped; and how Ctrl-C is held back meanwhile.

What they do is not known here: they call a function of a module with a task.
"""
