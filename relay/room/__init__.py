"""A room and its log: what is published gets its place, and is delivered in that order.

It decides without I/O, and imports only names, `relay.wire` and `relay.access`.
"""
