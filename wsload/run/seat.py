"""A user's place in a run: who it is, and in which room."""

from collections import Counter
from dataclasses import dataclass

from wsload.account.payload import MEMBERS, Origin
from wsload.run.options import Options


@dataclass(frozen=True, slots=True)
class Seat:
    """Who a user is, in which room, and its place among the room's members in this process."""

    scenario: str
    name: str
    room: str
    key: int
    place: int

    def every(self, nth: int) -> bool:
        """True for one place in `nth`, beginning with the first; never for 0."""
        return bool(nth) and self.place % nth == 0


class Seating:
    """Hands out seats, in one process."""

    def __init__(
        self, options: Options, *, number: int, worker: int, scenarios: tuple[str, ...]
    ) -> None:
        """`number` tells runs apart in payloads and names, `worker` processes; `scenarios` are the
        same in all processes."""
        self._options = options
        self._number = number
        self._worker = worker
        # Rooms of different scenarios never meet: each has as many numbers as --rooms says.
        self._scenarios = {name: index for index, name in enumerate(scenarios)}
        self._taken: Counter[str] = Counter()

    def seat(self, scenario: str) -> Seat:
        """A place for the next user of `scenario`."""
        options = self._options
        taken = self._taken[scenario]
        self._taken[scenario] += 1
        room = taken % options.rooms
        number = self._scenarios[scenario] * options.rooms + room
        member = (self._taken.total() - 1) % MEMBERS
        prefix = options.name or f"load-{self._number:05x}"
        base = options.room or f"{scenario}-{self._number:05x}"
        return Seat(
            scenario,
            name=f"{prefix}-{self._worker}-{member}",
            room=base if options.rooms == 1 else f"{base}-{room}",
            key=Origin(self._number, number, self._worker, member).key,
            place=taken // options.rooms,
        )
