"""Several relays, one order: a room's log is a subject of one JetStream stream.

`link` is the connection, `stream` what is stored, `log` one room's log, `following` how it is
opened, `cluster` the relay among those that share its rooms, `peers` the others.
"""
