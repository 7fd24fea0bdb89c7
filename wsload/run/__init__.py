"""One run in one process: who is there, when to send, what is measured meanwhile.

Imports `client` and `account`.
"""
