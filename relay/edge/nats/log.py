"""One room's log in JetStream, and this relay's copy of its end.

An append names the sequence that it expects to be the last of its subject. So the fate of a batch
is decided by the next entry behind that one: it is the batch itself, or it is another's, and then
the batch can never find its place there. Until that is known, the same bytes may be sent again.

Servers that replicate a stream may take two appends that expect the same (2.9 does). So an entry
says what it was appended behind, and counts only there. All relays ignore a stale one alike, and
who has written it appends it again.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from nats.aio.msg import Msg

from relay.account import Account
from relay.edge.nats import format, subjects
from relay.edge.nats.errors import Away
from relay.edge.nats.flight import EXPECTED, Appended, Behind, Flight, read_answer, read_told
from relay.edge.nats.log_owner import LogOwner
from relay.edge.nats.reading import Read
from relay.edge.nats.rotation import Rotation
from relay.names import RoomName
from relay.room.batch import Batch
from relay.room.log import Entry, Follower, LogState
from relay.room.presence import PresenceState
from relay.room.tail import Retention, Tail

_OVERDUE: Final = 1.0  # seconds without an answer after which the log is read
_MISSED: Final = 0.25  # seconds after which what came before is read, if nobody has told it
_PATROL: Final = 30.0  # seconds after which it is read whatever has been told


class NatsLog(Tail):
    """A log that several relays append to. It works from when it is started, and `is_ready` from
    when it knows who is in the room, and holds what is to be held.

    `head` is the sequence of the last message in its subject that is known, ours or not.
    """

    is_shared: Final = True

    def __init__(
        self,
        name: RoomName,
        follower: Follower,
        owner: LogOwner,
        retention: Retention,
        account: Account,
        state: LogState | None = None,
    ) -> None:
        super().__init__(retention)
        self.name = name
        self.epoch = owner.stream.epoch
        self.head = 0
        self.visitors = 0  # who wait for it, or count on it
        self.is_ready = False
        self.is_closed = False
        self.goes_on = state is not None  # where another process has stood
        self.flight: Flight | None = None
        self.subject = subjects.room(name)
        self._follower = follower
        self._owner = owner
        self._account = account
        self._loop = asyncio.get_running_loop()
        self._expected: int | None = None  # by the server, where that is not the head
        self._is_reading = False
        self._early: list[tuple[int, int, bytes]] = []  # told while the log was read
        self.rotation = Rotation()
        self._read_at = self._loop.time() + _PATROL
        self.first_number = time.time_ns() // 1000  # no life of this room had it before
        if state is not None:
            self.epoch, self.head, self.trimmed = state.epoch, state.head, state.trimmed
            self.keep_all(state.entries)

    @property
    def most(self) -> int:
        return self._owner.link.max_payload - format.HEAD

    @property
    def available(self) -> bool:
        return self.is_ready and self._owner.link.is_up

    @property
    def is_empty(self) -> bool:
        return not self.visitors  # what it holds, JetStream holds too

    def snapshot(self) -> LogState:
        return LogState(self.epoch, self.head, tuple(self.entries), self.trimmed)

    def append(self, batch: Batch) -> None:
        assert self.flight is None
        self.flight = Flight(batch, int(self._retention.clock() * 1000), self._loop.time())
        if not self.is_ready:
            self._owner.start_following(self.name)
        self._send_in_turn(self.flight)

    def close(self) -> None:
        super().close()
        self.is_closed = True
        self.is_ready = False
        self.flight = None
        self._owner.forget(self.name, self)

    def go_away(self) -> None:
        self._follower.on_away()

    def start(self, head: int, trimmed: int, held: Sequence[Read]) -> None:
        """Follow the room behind `head`; `held` is what the stream holds for newcomers.

        `trimmed` is where that begins if nothing is held.
        """
        super().close()
        self.epoch, self.head, self._expected = self._owner.stream.epoch, head, None
        found = format.entries([each for each in held if each.sequence <= head], self._account)
        self.trimmed = found[0][1].previous if found else trimmed
        for sequence, each in found:
            if (batch := each.batch(self._account)).messages:
                self.keep(Entry(sequence, each.at, batch))
        self._go_on()

    def enter(self, state: PresenceState) -> None:
        """These are in the room where it begins to be followed."""
        for person in state.people:
            self._owner.note_relay(person[3])
        self._follower.on_state(state)

    def resume(self) -> None:
        """Go on from a state of another process: its members are here, and their log is read."""
        self.is_ready = True
        self.catch_up()

    def look(self, now: float) -> None:
        """Read the log if a batch is on its way for too long; `now` by the loop's clock.

        And now and then: a server of a NATS cluster may have lost what came last.
        """
        flight = self.flight
        is_overdue = flight is not None and now - (flight.sent or flight.began) > _OVERDUE
        if self.is_ready and (is_overdue or now > self._read_at):
            self.catch_up()

    def catch_up(self) -> None:
        """Read what has been appended behind the head, then go on."""
        if not (self._is_reading or self.is_closed):
            self._is_reading = True
            self._read_at = self._loop.time() + _PATROL
            if self.flight is not None:
                self.flight.sent = self._loop.time()
            self._owner.spawn(self._read_on())

    async def on_message(self, message: Msg) -> None:
        told = read_told(message)
        if self.is_closed or told is None:
            return
        if not self.is_ready or self._is_reading:
            self._early.append(told)
        else:
            self._hear(*told)

    def _hear(self, sequence: int, previous: int, data: bytes) -> None:
        if sequence <= self.head:
            return
        if previous > self.head:  # some have not been told
            self._early.append((sequence, previous, data))
            self.catch_up()
        else:
            self._take(sequence, data)

    def _take(self, sequence: int, data: bytes) -> None:
        """Take the next message of the subject."""
        flight = self.flight
        entry = None
        try:
            stored = format.read(data)
            if stored.previous > self.head:
                self._owner.lose(self.name, "it was away for longer than NATS keeps what it missed")
                return
            if stored.previous < self.head and not stored.is_begin:
                self._owner.note_stale()
            elif flight is not None and stored[:2] == (flight.batch.relay, flight.batch.number):
                self._land(sequence)
                return
            else:
                entry = Entry(sequence, stored.at, stored.batch(self._account))
        except format.BadEntry as problem:
            self._owner.note_foreign(self.subject, str(problem))
        self.head, self._expected, self.flight = sequence, None, None
        self.rotation.take(entry.batch.relay if entry else "", sequence, self._loop.time())
        if entry is not None:
            self._owner.note_relay(entry.batch.relay)
            if flight and flight.sent and entry.batch.relay != flight.batch.relay:
                self._owner.ask_for_place(self.name, entry.batch.relay, sequence)
            if stored.is_begin:
                self._follower.on_begin(entry)
            else:
                self._hand_back(entry)
        if flight is not None and not self.is_closed:
            self._follower.on_refusal(flight.batch)

    def _land(self, sequence: int) -> None:
        """The batch on its way has its place."""
        flight, self.flight = self.flight, None
        assert flight is not None
        now = self._loop.time()
        self.head, self._expected = sequence, None
        self.rotation.land(flight.batch.relay, now - flight.sent, now)
        self._owner.note_latency(now - flight.began)
        self._hand_back(Entry(sequence, flight.at, flight.batch))

    def _hand_back(self, entry: Entry) -> None:
        if entry.batch.messages:
            self.keep(entry)
        self._follower.on_entry(entry)

    def _send_in_turn(self, flight: Flight) -> None:
        """Send the batch when no other relay comes first."""
        wait = self.rotation.wait(flight.batch.relay, self._loop.time())
        if wait and flight is self.flight:
            self._loop.call_later(wait, self._send_in_turn, flight)
        else:
            self._send(flight)

    def _send(self, flight: Flight | None) -> None:
        """Send the batch on its way; again, if nobody knows what became of it."""
        if flight is None or flight is not self.flight or self._is_reading or not self.available:
            return
        flight.sent = self._loop.time()
        self._owner.spawn(self._publish(flight))

    async def _publish(self, flight: Flight) -> None:
        if self.flight is not flight:
            return  # others have come before it was sent
        expected = self.head if self._expected is None else self._expected
        data = format.pack(flight.batch, flight.at, self.head)

        def answered(message: Msg) -> None:
            if self.flight is flight:
                self._answered(message, expected)

        reply = self._owner.expect(answered)
        await self._owner.link.publish(self.subject, data, reply, {EXPECTED: str(expected)})

    def _answered(self, message: Msg, expected: int) -> None:
        """The stream has taken the batch, or not."""
        answer = read_answer(message.data)
        if isinstance(answer, Appended) and self._is_next(answer.sequence):
            self._land(answer.sequence)
        elif isinstance(answer, Behind) and self._is_emptied(answer.last, expected):
            self._expected = answer.last
            self._send(self.flight)
        elif isinstance(answer, str):
            self._owner.note_refused(answer)
        elif answer is not None:
            self._loop.call_later(_MISSED, self._miss, self.flight)

    def _is_next(self, sequence: int) -> bool:
        """Whether nothing lies between the head and what was appended behind it."""
        is_alone = not self._owner.stream.is_replicated
        return sequence > self.head and (is_alone or sequence == self.head + 1)

    def _is_emptied(self, last: int | None, expected: int) -> bool:
        """Whether age has emptied the subject, so that less is the last than was expected."""
        return last is not None and last <= self.head and last != expected

    def _miss(self, flight: Flight | None) -> None:
        if flight is not None and self.flight is flight:
            self.catch_up()

    async def _read_on(self) -> None:
        owner = self._owner
        try:
            last = await owner.stream.last_of(self.subject)
            found = await owner.stream.behind(self.subject, self.head) if last > self.head else ()
        except Away:
            self._is_reading = False
            self._loop.call_later(_OVERDUE, self.catch_up)
            raise
        self._expected = last if last < self.head else None  # age has emptied the subject
        for sequence, data in found:
            if sequence > self.head and not self.is_closed:
                self._take(sequence, data)
        self._is_reading = False
        if not self.is_closed:
            self._go_on()

    def _go_on(self) -> None:
        """Everything is known up to the head: take what has been told meanwhile, and append."""
        self.is_ready = True
        early, self._early = sorted(self._early), []
        for message in early:
            if not self.is_closed:
                self._hear(*message)
        if not (self.is_closed or self._is_reading):
            self._send(self.flight)
            self._follower.on_return()
