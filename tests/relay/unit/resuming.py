"""Clients of `relay.v1` that lose their connections, a relay without sockets, and a judge.

Each client follows `tests.relay.reference`. Everything that the log ever took is written down, and
in the end each client has to have received what it was owed, exactly once and in this order, or to
have been told of a gap at the place; and what its application sent is in the log exactly once, or
its fate was told to be unknown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from relay.edge.connection import Connection
from relay.edge.runtime import Runtime
from relay.member.options import Options
from relay.member.session_state import begin
from relay.names import RoomName, UserName
from relay.room.log import Entry, Log, LogState, OnEntry, parse_cursor
from relay.room.memory_log import MemoryLog
from relay.room.resume import Resume
from relay.room.room import Room
from relay.room.tail import Retention
from relay.settings import Settings
from relay.wire.frames import ends
from tests.relay.unit.moving import Wire, hand_over
from tests.relay.unit.people import LateLog, Loop, payload
from tests.relay.unit.phone import Phone, word_of
from tests.relay.unit.runtime import make_runtime, receive

ROOM = RoomName("den")


@dataclass
class Ghost:
    """A connection whose client has gone on; what it sent may still be on its way."""

    connection: Connection
    wire: Wire
    up: bytes

    def read(self, size: int) -> None:
        if self.wire.reads and not (self.wire.has_ended or self.connection.session.is_over):
            data, self.up = self.up[:size], self.up[size:]
            receive(self.connection, data)

    def end(self) -> None:
        if not self.connection.session.is_over:
            self.wire.abort()
            self.connection.connection_lost(None)


class Witness:
    """A raw member that hears itself, and takes everything: it has to see all that the log took."""

    def __init__(self, world: "World") -> None:
        self.wire = Wire()
        self.wire.room = 10**9
        self.start = len(world.held)
        options = Options(UserName("raw"), echo=True)
        self.connection: Connection | None = Connection(
            self.wire, world.room, begin(options, world.now), world.runtime
        )
        self.connection.start(b"", b"")

    def judge(self, held: list[str]) -> None:
        heard, start = [], 0
        for end in ends(self.wire.taken):
            heard.append(word_of(payload(self.wire.taken[start:end])))
            start = end
        assert heard == held[self.start :], "the raw member"


class World:
    """One room; `held` is every message that its log took, over all its lives."""

    def __init__(
        self,
        *,
        is_late: bool = False,
        has_witness: bool = False,
        settings: Settings | None = None,
    ) -> None:
        self.loop = Loop()
        self.now = 1000.0
        self.held: list[str] = []
        self.phones = [
            Phone("ann"),
            Phone("ben", echo=True),
            Phone("cho", skips=True),
        ]
        self.ghosts: list[Ghost] = []
        self._settings = settings or Settings(write_buffer_size=3000)
        self._is_late = is_late
        self._late: list[LateLog] = []
        self._logs: dict[str, MemoryLog] = {}  # by epoch
        self._lives = 0
        self.runtime = self._new_runtime()
        self.witness = Witness(self) if has_witness else None

    @property
    def room(self) -> Room:
        return self.runtime.hub.room(ROOM)

    def connect(self, phone: Phone, room: int = 10**9) -> None:
        """Have it connect; its transport takes so many bytes until it is given more."""
        if phone.connection is not None or phone.client.is_closed:
            return
        query: dict[str, Any] = phone.client.connect()
        cursor = query.pop("cursor", None)
        query["history"] = phone.history
        resume = Resume(cursor=parse_cursor(cursor) if cursor else None, **query)
        options = Options(UserName(phone.name), echo=phone.echo, skips=phone.skips, resume=resume)
        phone.wire, phone.up, phone.down, phone.part = Wire(), b"", 0, b""
        phone.wire.room = room
        state = begin(options, self.now)
        phone.connection = Connection(phone.wire, self.room, state, self.runtime)
        phone.connection.start(b"", b"")

    def read(self, phone: Phone, size: int) -> None:
        """Have the relay read so many bytes of what the client has sent."""
        if phone.connection is not None and phone.wire.reads and not phone.wire.has_ended:
            data, phone.up = phone.up[:size], phone.up[size:]
            receive(phone.connection, data)

    def cut(self, phone: Phone, up: int, down: int, is_noticed: bool) -> None:
        """Lose its connection: so many bytes still arrive in each direction."""
        connection = phone.connection
        if connection is None:
            return
        self.read(phone, up)
        phone.take(down)
        if phone.connection is None:
            return  # it has been told to go
        phone.client.lose()
        phone.connection = None
        ghost = Ghost(connection, phone.wire, phone.up)
        phone.up = b""
        if is_noticed:
            ghost.end()
        else:
            self.ghosts.append(ghost)

    def notice(self) -> None:
        """The relay finds out that connections are gone."""
        ghosts, self.ghosts = self.ghosts, []
        for ghost in ghosts:
            ghost.end()

    def haunt(self, size: int) -> None:
        """Have the relay read so many bytes that were on their way from clients that are gone."""
        for ghost in self.ghosts:
            ghost.read(size)

    def tick(self) -> None:
        self.loop.run_once()
        for phone in self.phones:
            if phone.connection is not None and phone.wire.has_ended:
                phone.take(10**9)
                if phone.connection is not None and not phone.connection.session.is_over:
                    phone.connection.connection_lost(None)
                if phone.connection is not None:
                    phone.client.lose()
                    phone.connection = None

    def answer(self, count: int) -> None:
        """Have a late log hand back so many batches."""
        for log in self._late:
            log.answer(count)

    def trim(self, count: int) -> None:
        """Have the log drop so many of its oldest entries."""
        log = self._logs[self.room.epoch]
        while count and not log.is_empty:
            log.evict()
            count -= 1

    def wait(self, seconds: float) -> None:
        """Let time pass: graces end, history grows old, rooms are forgotten."""
        self.now += seconds
        self.runtime.hub.check_patience(self.now)
        self.runtime.hub.end_graces(self.now)
        for room in tuple(self.runtime.hub.rooms.values()):
            self.runtime.hub.expire(room)

    def crash(self) -> None:
        """The relay dies with all that it holds, and another one starts."""
        for phone in self.phones:
            if phone.connection is not None:
                phone.take(10**9 if phone.said % 2 else 0)
                phone.client.lose()
                phone.connection = None
        self.ghosts.clear()
        self._late.clear()
        self.loop = Loop()
        self.runtime = self._new_runtime()
        if self.witness is not None:
            self.witness = Witness(self)

    def move(self) -> None:
        """Hand over to another relay: nobody notices. Not with a late log."""
        if self._is_late:
            return
        new = self._new_runtime()
        moved = hand_over(self.runtime, new)
        holders: list[Phone | Ghost | Witness] = [*self.phones, *self.ghosts]
        if self.witness is not None:
            holders.append(self.witness)
        for holder in holders:
            old = holder.connection
            if old is not None and old in moved:
                holder.connection, wire = moved[old]
                old.detach()
                wire.taken, wire.room = holder.wire.taken, holder.wire.room
                holder.wire = wire
                wire.give(0)
        self.runtime = new

    def settle(self) -> None:
        """Let everybody back in, and everything arrive."""
        quiet = 0
        while quiet < 6:
            before = self._seen()
            for phone in self.phones:
                self.connect(phone)
                phone.wire.give(10**9)
                self.read(phone, 10**9)
                phone.take(10**9)
            self.tick()
            self.answer(10)
            self.wait(0.6)
            quiet = quiet + 1 if before == self._seen() else 0

    def judge(self) -> None:
        """Raise for whatever a client was promised and did not get."""
        if self.witness is not None:
            self.witness.judge(self.held)
        for phone in self.phones:
            assert not phone.client.is_closed, f"{phone.name} was closed for good"
            assert not phone.client.waiting, f"{phone.name} has not been acknowledged"
            self._judge_sent(phone)
            self._judge_received(phone)
            assert phone.here == set(self.room.presence.people)

    def _judge_sent(self, phone: Phone) -> None:
        own = [word for word in self.held if word.startswith(f"{phone.name}:")]
        numbers = [int(word.partition(":")[2]) for word in own]
        assert numbers == sorted(set(numbers)), f"{phone.name} has published {own}"
        said = {f"{phone.name}:{number}" for number in range(1, phone.said + 1)}
        assert phone.acknowledged <= set(own)
        assert said <= set(own) | phone.unknown
        assert not phone.acknowledged & phone.unknown

    def _judge_received(self, phone: Phone) -> None:
        owed = [word for word in self.held if phone.echo or not word.startswith(f"{phone.name}:")]
        bounds = sorted({0, *phone.gaps, len(phone.got)})
        at = 0
        for start, end in pairwise(bounds):
            missed = phone.gaps.get(start, 0)
            part = phone.got[start:end]
            if missed is None or start == 0:  # anywhere behind what came before
                at = owed.index(part[0], at)
            else:
                at += missed
            assert part == owed[at : at + len(part)], phone.name
            at += len(part)
        missed = phone.gaps.get(len(phone.got), 0)
        assert missed is None or at + missed == len(owed) or not phone.got, phone.name

    def _seen(self) -> object:
        return [(len(p.got), p.client.acked, p.client.waiting[:], p.down) for p in self.phones]

    def _new_runtime(self) -> Runtime:
        self._lives += 1
        return make_runtime(
            lambda callback: self.loop.call_soon(callback),
            self._settings,
            f"relay {self._lives}",
            self._new_log,
            lambda: self.now,
        )

    def _new_log(self, on_entry: OnEntry, retention: Retention, state: LogState | None) -> Log:
        def note(entry: Entry) -> None:
            start = 0
            for end in ends(entry.batch.data):
                self.held.append(word_of(payload(entry.batch.data[start:end])))
                start = end
            on_entry(entry)

        make: Callable[..., Log] = LateLog if self._is_late else MemoryLog
        log = make(note, retention, state)
        if isinstance(log, LateLog):
            self._late.append(log)
        inner = log.inner if isinstance(log, LateLog) else log
        assert isinstance(inner, MemoryLog)
        self._logs[inner.epoch] = inner  # one that goes on from a state has the same epoch
        return log
