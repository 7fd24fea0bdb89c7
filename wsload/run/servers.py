"""Several servers that share their rooms: who goes to which."""

from collections.abc import Sequence

from wsload.client.address import Address


class Servers:
    """Hands out one after the other, for each room apart: so every room is spread over all."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses
        self._turns: dict[str, int] = {}  # by room; each begins with another server

    def next(self, room: str = "") -> Address:
        """The server for the next connection of a room, or of whoever is in none."""
        turn = self._turns.get(room, len(self._turns))
        self._turns[room] = turn + 1
        return self._addresses[turn % len(self._addresses)]
