"""Seats: names, rooms and keys of users."""

from wsload.account.payload import room_of
from wsload.run.seat import Seating

from .test_options import options_of


def test_many_scenarios_have_rooms_that_never_meet() -> None:
    """The ninth used to have no number left for its first room."""
    scenarios = tuple(f"scenario-{number}" for number in range(40))
    seating = Seating(options_of("--rooms", "3"), number=1, worker=0, scenarios=scenarios)
    seats = [seating.seat(scenario) for scenario in scenarios for _ in range(6)]
    assert len({seat.key for seat in seats}) == len(seats)
    rooms = {(seat.room, room_of(seat.key)) for seat in seats}
    assert len(rooms) == len({number for _, number in rooms}) == 120
