"""Several relays, one order: a room's log is a subject of one JetStream stream.

`link` is the connection, `stream` what is stored, `log` one room's log, which appends to it, and
`following` how it is opened; `rooms` has all of them. `rotation` says whose turn it is to append.
`cluster` is the relay among those that share its rooms, `peers` the others, `revoked` what they
share of revocations.
"""
