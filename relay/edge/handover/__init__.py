"""Handing over: a successor takes over every open connection from the process that serves.

The one that serves waits in `server`; `predecessor` is its side, which hands over or refuses,
`inventory` what it has to tell: `told_rooms` and `told_messages` go ahead.
The other finds it by `rendezvous`; `successor` is its side, builds a `replica`, and `arrival` says
what came of it. `channel` carries messages and descriptors, `format` turns state into messages and
back, `previous_format` into those of the format before; `service` is all that is handed over.
docs/handover.md has the format and how it may change.
"""
