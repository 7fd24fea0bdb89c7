"""Sockets that are no member's: counted until they are closed, and bounded."""

import asyncio
from typing import Any

from relay.edge.non_members import BESIDE, NonMembers, Verdict
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


def _non_members(
    *, share: int = 100, per_address: int = 0
) -> tuple[NonMembers, list[tuple[int, str]]]:
    notes: list[tuple[int, str]] = []

    def note(status: int, error: str) -> None:
        notes.append((status, error))

    return NonMembers(share, 1000, per_address, lambda peer: peer == "10.0.0.1", note), notes


def test_address_has_so_many_sockets_beside_its_members() -> None:
    """Who is beyond is told why, and who comes again and again is not even that."""
    non_members, notes = _non_members(per_address=5)
    visitors = [_Visitor() for _ in range(5 + BESIDE)]
    assert {non_members.enter(visitor) for visitor in visitors} == {Verdict.ADMITTED}
    assert non_members.enter(_Visitor()) is Verdict.REFUSED
    assert notes == [(429, "198.51.100.7 has 13 sockets beside its members, the limit")]
    verdicts = [non_members.enter(_Visitor()) for _ in range(20)]
    assert verdicts[-1] is Verdict.TURNED_AWAY
    assert non_members.enter(_Visitor("203.0.113.9")) is Verdict.ADMITTED


def test_socket_counts_until_it_is_closed() -> None:
    """Then there is a place again."""
    non_members, _ = _non_members(per_address=5)
    visitors = [_Visitor() for _ in range(5 + BESIDE)]
    for visitor in visitors:
        non_members.enter(visitor)
    non_members.leave(visitors[0])
    assert non_members.enter(_Visitor()) is Verdict.ADMITTED
    for visitor in visitors:
        non_members.leave(visitor)
        non_members.leave(visitor)  # once is enough
    assert non_members.by_address == {"198.51.100.7": 1}


def test_proxies_and_unix_sockets_have_no_address_of_their_own() -> None:
    """Their clients have."""
    non_members, _ = _non_members(per_address=1)
    for address in ("10.0.0.1", ""):
        assert {non_members.enter(_Visitor(address)) for _ in range(50)} == {Verdict.ADMITTED}


def test_oldest_ends_beyond_a_share() -> None:
    """Of the same kind: plain requests do not keep handshakes out."""
    non_members, notes = _non_members(share=3)
    gates = [_Visitor() for _ in range(4)]
    guests = [_Visitor() for _ in range(3)]
    for guest in guests:
        non_members.open(guest)
    for gate in gates:
        non_members.enter(gate)
    assert [gate.peer.is_aborted for gate in gates] == [True, False, False, False]
    assert not any(guest.peer.is_aborted for guest in guests)
    assert notes == [(503, "more than 3 handshakes at once: one was cut off")]
    assert non_members.look() == 60


def test_connections_end_with_their_answer_when_it_is_crowded() -> None:
    """From half of the share on."""
    non_members, _ = _non_members(share=4)
    for count in range(1, 4):
        non_members.open(_Visitor())
        assert non_members.is_crowded is (count > 2)


def test_longest_head_ends_when_too_much_is_held() -> None:
    """At once: heads of 100 KB come fast."""
    non_members, notes = _non_members()
    gates = [_Visitor() for _ in range(3)]
    for gate in gates:
        non_members.enter(gate)
    gates[1].held += 600
    non_members.take(gates[1], 600)
    gates[2].held += 400
    non_members.take(gates[2], 400)
    assert [gate.peer.is_aborted for gate in gates] == [False, True, False]
    assert notes == [(503, "heads of more than 1000 bytes wait: one was cut off")]
    for gate in gates:
        non_members.leave(gate)
    assert non_members.heads == 0


def test_guests_are_cut_off_at_once_when_too_much_is_held() -> None:
    """Not when it is looked at all of them: a thousand of them read 256 KB each before that."""
    non_members, notes = _non_members()
    guests = [_Visitor() for _ in range(4)]
    for guest in guests:
        non_members.open(guest)
    for guest, held in zip(guests, (300, 400, 290, 10), strict=True):
        guest.held = held
        non_members.weigh(guest)
    assert non_members.answers == 1000 and not notes
    guests[0].held = 0  # it has taken its answers, and said nothing
    guests[3].held = 100
    non_members.weigh(guests[3])
    assert non_members.answers == 790 and not notes
    guests[3].held = 500
    non_members.weigh(guests[3])
    assert [guest.peer.is_aborted for guest in guests] == [False, False, False, True]
    non_members.weigh(guests[3])
    for guest in guests:
        non_members.leave(guest)
    assert non_members.answers == 0


def test_answers_that_wait_are_bounded() -> None:
    """Whoever has most of them is cut off first."""
    non_members, notes = _non_members()
    guests = [_Visitor() for _ in range(3)]
    for guest, held in zip(guests, (100, 900, 300), strict=True):
        guest.held = held
        non_members.open(guest)
    assert non_members.look() == 400
    assert [guest.peer.is_aborted for guest in guests] == [False, True, False]
    assert notes == [(503, "answers of more than 1000 bytes wait: one was cut off")]
