"""The edge: all that waits for somebody else, that is sockets, timers and other processes.

`listener` accepts a connection, `gate` keeps it until its first request is under way; once it is a
member's it is a `connection`. That one has a `reader`, a `watchdog` that pings a silent client and
closes it in time, and a `closing_handshake` at its end; `alive_check` asks whether the holder of a
name is there. `roster` has all connections, `non_members` all other sockets, and the `heartbeat`
looks after both; `memory` says when there is too little. `drain` stops the relay, `handover` gives
its connections to another process, `nats` shares its rooms with other relays.
Imports: `access`, `account`, `member`, `names`, `process_memory`, `room`, `settings`, `wire`.
"""
