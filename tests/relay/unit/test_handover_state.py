"""Handing over changes nothing that any client could see, whenever it happens."""

import asyncio
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.edge.handover import told_messages
from relay.edge.handover.inventory import Inventory
from relay.edge.handover.replica import Replica
from relay.names import RoomName, UserName
from relay.room import dispatch
from relay.settings import Settings
from tests.raw import encode
from tests.relay.unit.moving import Handover, Relay, Wire, make_service
from tests.relay.unit.runtime import connect, make_runtime, receive

Step = tuple[str, int, int]

_CLIENTS: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("alice", "lobby", {}),
    ("bob", "lobby", {"echo": 1}),
    ("carol", "lobby", {"skips": 1, "history": 3}),
    ("dave", "lobby", {"history": 2}),
    ("erin", "other", {}),
    ("frank", "other", {"history": 1}),
    ("zoe", "lobby", {}),
    ("yann", "other", {}),  # they stay: a room that is forgotten is another one when it comes back
)
# Nobody is asked to leave here (1012): a relay that drains hands nothing over.
_STEPS = st.one_of(
    st.tuples(st.just("join"), st.integers(0, 5), st.just(0)),
    st.tuples(
        st.sampled_from(("text", "binary", "part", "ping", "flood")),
        st.integers(0, 5),
        st.sampled_from((0, 3, 120, 130, 700, 3000, 70_000)),
    ),
    st.tuples(st.just("close"), st.integers(0, 5), st.integers(0, 1)),
    st.tuples(
        st.sampled_from(("read", "take")),
        st.integers(0, 5),
        st.sampled_from((1, 7, 100, 1000, 10**6)),
    ),
    st.tuples(st.sampled_from(("drop", "ask", "garbage")), st.integers(0, 5), st.just(0)),
    st.tuples(st.sampled_from(("tick", "wait", "copy", "move")), st.just(0), st.just(0)),
)


def _step(relay: Relay, step: Step, moves: bool, number: int) -> None:
    what, index, size = step
    name, room, options = _CLIENTS[index]
    here = [client for client in relay.clients if client.connection.session.user == name]
    if what == "join":
        relay.join(name, room, **options)
    elif what == "tick":
        relay.tick()
    elif what == "wait":
        relay.now += 3
        relay.runtime.hub.check_patience(relay.now)
    elif what == "copy":
        relay.flush()
        if moves:
            relay.copy()
    elif what == "move":
        relay.flush()  # the end of a batch, in both
        if moves:
            relay.move()
    elif here:
        client = here[-1]
        if what in ("text", "binary", "part", "ping"):
            payload = (b"%d:" % number).ljust(min(size, 100) if what == "ping" else size, b".")
            opcode = {"text": 1, "binary": 2, "part": 2, "ping": 9}[what]
            client.send(opcode, payload, fin=what != "part")
            if what == "part":
                client.send(9, b"between")
                client.send(0, b"end")
        elif what == "flood" and name == "alice":  # more than one turn's share
            for _ in range(2000):
                client.send(2, b"")
        elif what == "close":
            client.send(8, b"\x0f\xa1bye" if size else b"")
        elif what == "garbage":
            client.send(1, b"\xff\xfe")
        elif what == "read":
            client.read(size)
        elif what == "take":
            client.take(size)
        elif what == "ask" and client.is_here:
            client.connection.session.ping()
        elif what == "drop":
            client.wire.abort()
            client.look()


def _play(script: list[Step], moves: bool) -> list[object]:
    """Return what each client has seen in the end, and what the relay has counted."""

    async def run() -> list[object]:
        relay = Relay(Settings(read_buffer_size=2000, write_buffer_size=3000))
        for index in (0, 1, 2, 3, 6, 7):
            _step(relay, ("join", index, 0), False, 0)
        for number, step in enumerate(script):
            _step(relay, step, moves, number)
        relay.settle()
        account = relay.runtime.terms.account
        return [
            [
                (
                    client.connection.session.user,
                    client.seen,
                    client.wire.has_ended,
                    client.outgoing,
                )
                for client in relay.clients
            ],
            relay.runtime.hub.totals.snapshot(),
            account.unfinished,
            {name: sorted(room.members) for name, room in relay.runtime.hub.rooms.items()},
            [
                (client.connection.session.inbox.published, client.connection.session.outbox.taken)
                for client in relay.clients
                if client.is_here
            ],
        ]

    # So that deliveries are cut, too, and what is told of messages that have not ended.
    with mock.patch.object(dispatch, "TURN", 2), mock.patch.object(told_messages, "MESSAGE", 1500):
        return asyncio.run(run())


@settings(max_examples=150, deadline=None)
@given(st.lists(_STEPS, max_size=60))
def test_clients_see_what_one_relay_would_have_shown_them(script: list[Step]) -> None:
    """Every byte, in order; who is closed, and what is counted."""
    assert _play(script, moves=True) == _play(script, moves=False)


async def test_half_message_goes_ahead_and_only_what_comes_then_is_told_at_the_end() -> None:
    """Whether it goes on, ends, or another one begins; and nothing of it is counted twice."""
    old, new = make_runtime(), make_runtime()
    wires = {name: Wire() for name in ("alice", "bob", "carol", "dave")}
    before = {name: connect(old, name, wire) for name, wire in wires.items()}
    message = encode(2, bytes(range(250)) * 40)
    for connection in before.values():
        receive(connection, message[:9000])
    handover = Handover(old, new)
    handover.copy()
    assert new.terms.account.unfinished == 4 * 9000
    receive(before["alice"], message[9000:9010])
    receive(before["bob"], message[9000:])
    receive(before["carol"], message[9000:] + message[:100])
    wires["dave"].abort()
    before["dave"].connection_lost(None)
    moved = handover.finish()
    assert handover.size < 1000
    assert set(moved) == {before["alice"], before["bob"], before["carol"]}
    account = new.terms.account
    assert (account.unfinished, account.pieces) == (9010 + 100, 3)
    for name, size in (("alice", 9010), ("carol", 100)):
        connection, _ = moved[before[name]]
        assert connection.session.inbox.part(0, 10_000) == message[:size]
        receive(connection, message[size:])
    assert (account.unfinished, account.pieces) == (0, 0)
    published = [connection.session.inbox.published for connection, _ in moved.values()]
    assert published == [1, 1, 2]


async def test_who_sends_faster_than_it_is_told_is_not_read_until_it_is_decided() -> None:
    """The successor reads on, and so does this one if nothing comes of it."""
    old, new = make_runtime(), make_runtime()
    wires = Wire(), Wire()
    eager, _ = (connect(old, name, wire) for name, wire in zip("eq", wires, strict=True))
    handover = Handover(old, new)
    handover.copy()
    receive(eager, encode(2, bytes(9000))[:5000])
    handover.inventory.hold()
    assert [wire.reads for wire in wires] == [False, True]
    handover.inventory.release()
    assert wires[0].reads
    handover.inventory.hold()
    (after, wire), _ = handover.finish().values()
    assert after.session.user == "e" and not after.session.inbox.held
    assert wire.reads


async def test_who_makes_it_long_is_left_behind_where_it_took_too_long() -> None:
    """A reader with thousands of entries to take; all others move."""
    old, new = make_runtime(), make_runtime()
    wires = {name: Wire() for name in ("alice", "slow", "bob")}
    before = {name: connect(old, name, wire) for name, wire in wires.items()}
    wires["alice"].room = wires["bob"].room = 10**9
    for _ in range(300):
        receive(before["alice"], encode(2, b"x"))
        old.hub.room(RoomName("lobby")).flush()
    receive(before["bob"], encode(2, b"half")[:7])
    for is_hurried, moving in ((False, {"alice", "slow", "bob"}), (True, {"alice", "bob"})):
        handover = Handover(old, new if is_hurried else make_runtime())
        handover.inventory.is_hurried = is_hurried
        handover.copy()
        assert {each.session.user for each in handover.finish()} == moving
    assert handover.inventory.left == 1
    assert set(new.hub.room(RoomName("lobby")).members) == {"alice", "bob"}


class _Broken:
    """A count that cannot go on."""

    def snapshot(self) -> None:
        return None

    def restore(self, state: object) -> None:
        raise ValueError(state)


async def test_clients_are_served_where_a_count_cannot_go_on() -> None:
    """Once the other has let go, nothing that is no client may stop the successor."""
    before, after = make_runtime(), make_runtime()
    wire = Wire()
    connection = connect(before, "alice", wire)
    inventory = Inventory(make_service(before, {"broken": _Broken()}, "old"))
    inventory.shares_network = True
    replica = Replica(make_service(after, {"broken": _Broken()}, "new"))
    records, _, _ = inventory.describe([connection])
    replica.add_connections(records, [Wire()])
    head, data, _ = inventory.changes()
    replica.update({**head, "started": 0.0}, data)
    (served,) = replica.commit()
    assert served.session.is_open
    assert after.hub.holder(RoomName("lobby"), UserName("alice")) is served.session


async def test_what_commit_needs_is_checked_before() -> None:
    """A head that says no start is refused while the other still serves."""
    runtime = make_runtime()
    inventory = Inventory(make_service(runtime, {}, "old"))
    head, data, _ = inventory.changes()
    for wrong in ({}, {"started": "soon"}, {"started": 0.0, "carried": 7}):
        with pytest.raises((ValueError, LookupError, TypeError)):
            Replica(make_service(runtime, {}, "new")).update({**head, **wrong}, data)
