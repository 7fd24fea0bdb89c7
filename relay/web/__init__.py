"""What is answered over HTTP, and the upgrade to a WebSocket.

Imports: `access`, `account`, `clock`, `edge`, `member`, `metrics`, `names`, `process_memory`,
`room`, `settings`, `wire`.
"""
