"""A WebSocket relay: whatever a member sends reaches everybody else in the room, in one order."""

__version__ = "0.1.0"
