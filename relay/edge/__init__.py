"""The edge: all that waits for somebody else, that is sockets, timers and other processes.

Imports: `access`, `account`, `member`, `names`, `process_memory`, `room`, `settings`, `wire`.
"""
