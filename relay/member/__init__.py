"""A member of a room: its session, what it sends (inbox), what it is sent (outbox), its liveness.

It decides without I/O: a member is given what it may call.
Imports: `access`, `account`, `names`, `room`, `wire`.
"""
