"""A WebSocket relay: whatever a member sends reaches everybody else in the room, in one order.

`account` counts the memory that is held for clients; `process_memory` is what the process uses, and
may use. `settings` come from the environment, `metrics` go to Prometheus, `server` runs it all.
"""

__version__ = "0.1.0"
