"""A member of a room: its session, what it sends (inbox), what it is sent (outbox), its liveness.

What a client sends passes `intake`, which keeps to its rates (`throttle`), and `inbox`, which
checks and publishes it. `outbox` has its backlog, and notices when it reads too slowly. `liveness`
is whether it is still there, `ending` what happens to its backlog when it is closed. `owner` and
`stream` are its connection, as the session sees it.
It decides without I/O: a member is given what it may call.
Imports: `access`, `account`, `names`, `room`, `wire`.
"""
