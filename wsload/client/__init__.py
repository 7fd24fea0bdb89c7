"""One client of any WebSocket server: from a URL to an open connection, and what comes of it.

Imports nothing of the other folders.
"""
