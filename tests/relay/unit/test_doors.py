"""Sockets that are no member's: counted until they are closed, and bounded."""

import asyncio
from typing import Any

from relay.edge.doors import BESIDE, Doors, Verdict
from tests.relay.unit.transport import Transport


class _Peer(Transport):
    """A transport whose other side has an address."""

    def __init__(self, address: str) -> None:
        super().__init__(0)
        self.address = address
        self.is_aborted = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self.address, 1234) if name == "peername" and self.address else default

    def abort(self) -> None:
        self.is_aborted = True


class _Visitor:
    """A gate or a guest."""

    def __init__(self, address: str = "198.51.100.7") -> None:
        self.peer = _Peer(address)
        self.transport: asyncio.Transport | None = self.peer
        self.address = ""
        self.held = 10


def _doors(*, share: int = 100, per_address: int = 0) -> tuple[Doors, list[tuple[int, str]]]:
    notes: list[tuple[int, str]] = []

    def note(status: int, error: str) -> None:
        notes.append((status, error))

    return Doors(share, 1000, per_address, lambda peer: peer == "10.0.0.1", note), notes


def test_address_has_so_many_sockets_beside_its_members() -> None:
    """Who is beyond is told why, and who comes again and again is not even that."""
    doors, notes = _doors(per_address=5)
    visitors = [_Visitor() for _ in range(5 + BESIDE)]
    assert {doors.enter(visitor) for visitor in visitors} == {Verdict.ADMITTED}
    assert doors.enter(_Visitor()) is Verdict.REFUSED
    assert notes == [(429, "198.51.100.7 has 13 sockets beside its members, the limit")]
    verdicts = [doors.enter(_Visitor()) for _ in range(20)]
    assert verdicts[-1] is Verdict.TURNED_AWAY
    assert doors.enter(_Visitor("203.0.113.9")) is Verdict.ADMITTED


def test_socket_counts_until_it_is_closed() -> None:
    """Then there is a place again."""
    doors, _ = _doors(per_address=5)
    visitors = [_Visitor() for _ in range(5 + BESIDE)]
    for visitor in visitors:
        doors.enter(visitor)
    doors.leave(visitors[0])
    assert doors.enter(_Visitor()) is Verdict.ADMITTED
    for visitor in visitors:
        doors.leave(visitor)
        doors.leave(visitor)  # once is enough
    assert doors.by_address == {"198.51.100.7": 1}


def test_proxies_and_unix_sockets_have_no_address_of_their_own() -> None:
    """Their clients have."""
    doors, _ = _doors(per_address=1)
    for address in ("10.0.0.1", ""):
        assert {doors.enter(_Visitor(address)) for _ in range(50)} == {Verdict.ADMITTED}


def test_oldest_ends_beyond_a_share() -> None:
    """Of the same kind: plain requests do not keep handshakes out."""
    doors, notes = _doors(share=3)
    gates = [_Visitor() for _ in range(4)]
    guests = [_Visitor() for _ in range(3)]
    for guest in guests:
        doors.open(guest)
    for gate in gates:
        doors.enter(gate)
    assert [gate.peer.is_aborted for gate in gates] == [True, False, False, False]
    assert not any(guest.peer.is_aborted for guest in guests)
    assert notes == [(503, "more than 3 handshakes at once: one was cut off")]
    assert doors.look() == 60


def test_connections_end_with_their_answer_when_it_is_crowded() -> None:
    """From half of the share on."""
    doors, _ = _doors(share=4)
    for count in range(1, 4):
        doors.open(_Visitor())
        assert doors.is_crowded is (count > 2)


def test_longest_head_ends_when_too_much_is_held() -> None:
    """At once: heads of 100 KB come fast."""
    doors, notes = _doors()
    gates = [_Visitor() for _ in range(3)]
    for gate in gates:
        doors.enter(gate)
    gates[1].held += 600
    doors.take(gates[1], 600)
    gates[2].held += 400
    doors.take(gates[2], 400)
    assert [gate.peer.is_aborted for gate in gates] == [False, True, False]
    assert notes == [(503, "heads of more than 1000 bytes wait: one was cut off")]
    for gate in gates:
        doors.leave(gate)
    assert doors.heads == 0


def test_guests_are_cut_off_at_once_when_too_much_is_held() -> None:
    """Not when it is looked at all of them: a thousand of them read 256 KB each before that."""
    doors, notes = _doors()
    guests = [_Visitor() for _ in range(4)]
    for guest in guests:
        doors.open(guest)
    for guest, held in zip(guests, (300, 400, 290, 10), strict=True):
        guest.held = held
        doors.weigh(guest)
    assert doors.answers == 1000 and not notes
    guests[0].held = 0  # it has taken its answers, and said nothing
    guests[3].held = 100
    doors.weigh(guests[3])
    assert doors.answers == 790 and not notes
    guests[3].held = 500
    doors.weigh(guests[3])
    assert [guest.peer.is_aborted for guest in guests] == [False, False, False, True]
    doors.weigh(guests[3])
    for guest in guests:
        doors.leave(guest)
    assert doors.answers == 0


def test_answers_that_wait_are_bounded() -> None:
    """Whoever has most of them is cut off first."""
    doors, notes = _doors()
    guests = [_Visitor() for _ in range(3)]
    for guest, held in zip(guests, (100, 900, 300), strict=True):
        guest.held = held
        doors.open(guest)
    assert doors.look() == 400
    assert [guest.peer.is_aborted for guest in guests] == [False, True, False]
    assert notes == [(503, "answers of more than 1000 bytes wait: one was cut off")]
