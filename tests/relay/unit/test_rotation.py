"""Whose turn it is to append."""

from relay.edge.nats.rotation import Rotation

_TRIP = 0.004  # seconds


def test_nobody_waits_alone() -> None:
    """A relay that has heard of no other appends at once, also behind its own entry."""
    rotation = Rotation()
    assert rotation.wait("a", 100) == 0
    rotation.land("a", _TRIP, 100)
    assert rotation.wait("a", 100) == 0


def test_relays_that_append_take_turns_by_name() -> None:
    """Behind another one's entry the next of the ring is free, and each other waits longer."""
    ring = {name: Rotation() for name in "abc"}
    for sequence, relay in enumerate("abc"):  # so the last entry is of c
        for name, rotation in ring.items():
            if name == relay:
                rotation.land(name, _TRIP, 100)
            else:
                rotation.take(relay, sequence, 100)
    waits = [round(rotation.wait(name, 100), 6) for name, rotation in ring.items()]
    assert waits == [0, _TRIP, 2 * _TRIP]
    assert ring["c"].wait("c", 100.1) == 0, "the others have not used their turns"


def test_place_is_left_to_who_was_too_late() -> None:
    """For a quarter of a second, unless that one, and no other, has appended."""
    rotation = Rotation()
    rotation.land("a", _TRIP, 100)
    rotation.leave("b", 7, 100)
    assert round(rotation.wait("a", 100), 6) == 0.25
    rotation.take("c", 8, 100.1)
    assert round(rotation.wait("a", 100.1), 6) == 0.15
    rotation.take("b", 9, 100.1)
    assert rotation.wait("d", 100.11) < 0.02
    rotation.leave("b", 9, 100.2)
    assert rotation.wait("a", 100.5) == 0, "it is gone"


def test_what_is_asked_too_late_is_passed_over() -> None:
    """The relay has had a place since."""
    rotation = Rotation()
    rotation.take("b", 8, 100)
    rotation.leave("b", 7, 101)
    assert rotation.wait("a", 101) == 0


def test_relays_that_are_remembered_are_bounded() -> None:
    rotation = Rotation()
    for number in range(1000):
        rotation.take(f"relay{number}", number, 100)
    assert rotation.known == 64
