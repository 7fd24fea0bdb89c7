"""What is answered over HTTP, and the upgrade to a WebSocket.

`app` puts a relay together and has its routes, `middleware` is what every request passes through.
`websocket` lets a client in or refuses it, also for a name in use: `handshake` reads its headers,
`target` its URL, `credentials` who it is, and `upgrade` answers. Every other endpoint has a file of
its own.
Imports: `access`, `account`, `clock`, `edge`, `member`, `metrics`, `names`, `process_memory`,
`room`, `settings`, `wire`.
"""
