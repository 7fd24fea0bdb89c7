"""A member of a room: what it sends (inbox) and what it is sent (outbox).

It decides without I/O: a member is given what it may call. It imports names, `relay.wire`,
`relay.access` and `relay.room`.
"""
