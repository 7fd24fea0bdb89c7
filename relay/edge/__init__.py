"""The edge: all that waits for somebody else, that is sockets, timers and other processes.

It may import everything but `relay.web` and `relay.server`.
"""
