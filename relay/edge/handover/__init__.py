"""Handing over: a successor takes over every open connection from the process that serves.

`channel` carries messages and descriptors, `format` turns state into messages and back, `former`
into those of the format before. `predecessor` and `successor` are the two sides, `rendezvous` is
the socket at which they meet. It may import what `relay.edge` may. `docs/handover.md` has the
format and its rules for change.
"""
