"""A room and its log: what is published gets its place, and is delivered in that order.

It decides without I/O: members write, the log appends, what is scheduled runs later.
Imports: `account`, `names`, `wire`.
"""
