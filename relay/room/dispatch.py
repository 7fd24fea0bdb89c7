"""How entries reach the members of one room: in log order, in turns with other rooms.

While most receivers are far behind it waits, and holds the publishers (rule 2).
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from relay.names import UserName
from relay.room.batch import Batch
from relay.room.congestion import Congestion, Flow
from relay.room.delivery import Credits, Delivery
from relay.room.log import Entry
from relay.room.member import Delivered, Member, Publisher
from relay.room.membership import Membership
from relay.room.shared import Shared
from relay.room.state import DeliveryState, DispatchState

TURN: Final = 1000  # members written to before other rooms get their turn, about 5 ms
TURN_BYTES: Final = 32 * 1024**2  # bytes written in such a turn, or one member's share


class Dispatch:
    """The deliveries of a room; `who` is in it."""

    __slots__ = ("_congestion", "_deliveries", "_is_delivering", "_members", "_shared", "_who")

    def __init__(self, who: Membership, shared: Shared) -> None:
        self._who = who
        self._members = who.members
        self._shared = shared
        self._congestion = Congestion()
        self._deliveries: deque[Delivery] = deque()
        self._is_delivering = False  # now, or in a later pass

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is delivered, and publishers are held."""
        return self._congestion.is_waiting

    @property
    def is_idle(self) -> bool:
        return not (self._deliveries or self._is_delivering)

    def add(self, entry: Entry, receivers: Sequence[Member], credits: Credits) -> None:
        """Deliver the entry behind all earlier ones, then give the credits."""
        count, size = len(receivers), entry.batch.size
        must_queue = self._is_delivering or self._deliveries or self._congestion.behind
        if must_queue or count > TURN or count * size > TURN_BYTES:
            self._deliveries.append(Delivery(entry, receivers, credits))
        else:  # the common case
            self._congestion.state = Flow.FLOWING
            self._is_delivering = True
            self._deliver(entry, receivers)
            _end(entry, credits)
            self._is_delivering = False
        if self._deliveries and not (self._is_delivering or self._congestion.is_waiting):
            self._pump()

    def hold(self, publisher: Publisher) -> None:
        """Make the publisher wait until the room goes on; then it is released."""
        self._congestion.hold(publisher)

    def forget(self, publisher: Publisher) -> None:
        """The publisher no longer waits."""
        self._congestion.held.discard(publisher)

    def release(self) -> None:
        """Release the publishers, unless the room waits for its receivers."""
        if not self._congestion.is_waiting:
            self._congestion.release()

    def caught_up(self, member: Member) -> None:
        """The member is no longer far behind, or has left: go on if that was waited for."""
        congestion = self._congestion
        congestion.behind.discard(member)
        if congestion.is_waiting and not self._is_congested(self._deliveries[0].entry.batch):
            congestion.go_on()
            self._shared.congested.discard(self)
            self._resume()

    def check_patience(self, now: float) -> None:
        """End a wait that has lasted long enough; to be asked now and then, `now` in seconds.

        Then it delivers to all: a member that is far behind follows, or exceeds its limit and goes.
        """
        if self._congestion.check_patience(now):
            self._shared.congested.discard(self)
            self._resume()

    def deliver_now(self, member: Member) -> None:
        """Give the member at once what is on its way to it."""
        for delivery in self._deliveries:
            if delivery.take_early(member):
                self._deliver(delivery.entry, (member,))

    def entries(self) -> Sequence[Entry]:
        """Return the entries that are on their way."""
        return [delivery.entry for delivery in self._deliveries]

    def close(self) -> None:
        """The room is forgotten."""
        self._shared.congested.discard(self)

    def snapshot(self) -> DispatchState:
        held = self._congestion.held
        names = {id(member): user for user, member in self._members.items()}
        return DispatchState(
            self._congestion.state,
            self._congestion.times,
            tuple(user for user, member in self._members.items() if member in held),
            tuple(self._describe(delivery, names) for delivery in self._deliveries),
        )

    def restore(self, state: DispatchState) -> None:
        """Go on where another stood; this one is new, and its members are in the room."""
        members = self._members
        self._congestion.restore(
            state.congestion,
            state.patience,
            {member for member in members.values() if member.is_behind},
            {members[user] for user in state.held if user in members},
        )
        if self._congestion.is_waiting:
            self._shared.congested.add(self)
        for delivery in state.deliveries:
            due = tuple(members[user] for user in delivery.due if user in members)
            credits = [(members[user], size) for user, size in delivery.credits if user in members]
            self._deliveries.append(Delivery(delivery.entry, due, credits, delivery.has_begun))
        if self._deliveries and not self._congestion.is_waiting:
            self._resume()

    def _describe(self, delivery: Delivery, names: dict[int, UserName]) -> DeliveryState:
        return DeliveryState(
            delivery.entry,
            tuple(user for user, member in self._members.items() if delivery.is_due(member)),
            tuple(
                (names[id(publisher)], size)
                for publisher, size in delivery.credits
                if id(publisher) in names
            ),
            delivery.has_begun,
        )

    def _resume(self) -> None:
        if not self._is_delivering:
            self._is_delivering = True
            self._shared.schedule(self._pump)

    def _pump(self) -> None:
        """Deliver in log order, and let other rooms have their turn in between."""
        self._is_delivering = True
        if self._deliver_for_a_turn():
            self._is_delivering = False
        else:
            self._shared.schedule(self._pump)

    def _deliver_for_a_turn(self) -> bool:
        """Return whether there is nothing more to do for now."""
        turn, turn_bytes = TURN, TURN_BYTES
        while self._deliveries:
            delivery = self._deliveries[0]
            batch = delivery.entry.batch
            if not delivery.has_begun and self._must_wait(batch):
                return True
            if turn <= 0 or turn_bytes <= 0:
                return False
            members = delivery.next(min(turn, turn_bytes // batch.size + 1))
            self._deliver(delivery.entry, members)
            turn -= len(members)
            turn_bytes -= len(members) * batch.size
            if delivery.is_over:
                self._deliveries.popleft()
                _end(delivery.entry, delivery.credits)
        return True

    def _deliver(self, entry: Entry, members: Sequence[Member]) -> None:
        """Hand the entry to these members; then count, and see who must go."""
        batch = entry.batch
        own = batch.own
        messages, size = batch.messages * len(members), len(batch.data) * len(members)
        overran: list[Member] = []
        taken = Delivered.TAKEN  # not in the loop: Python 3.11 takes long to find it
        for member in members:
            outcome = member.deliver(entry)
            if outcome is taken:
                continue
            if member.excluded in own:
                mine = own[member.excluded]
                messages -= mine.messages
                size -= mine.size
            if outcome is Delivered.REST:
                continue
            if outcome is Delivered.QUEUED:
                if member.is_behind:
                    self._congestion.behind.add(member)
                continue
            missed, missed_size = batch.count_without(member.excluded)
            messages -= missed
            size -= missed_size
            if outcome is Delivered.SKIPPED:
                self._shared.totals.skipped += missed
            elif outcome is Delivered.OVERRAN:
                overran.append(member)
        self._shared.totals.deliveries += messages
        self._shared.totals.delivered_bytes += size
        for member in overran:
            member.overrun()

    def _must_wait(self, batch: Batch) -> bool:
        """Whether the receivers are to catch up before this batch is delivered."""
        congestion = self._congestion
        if not congestion.behind or not self._is_congested(batch):
            congestion.state = Flow.FLOWING
            return False
        if congestion.state is Flow.IMPATIENT:
            return False
        congestion.wait()
        self._shared.congested.add(self)
        self._shared.totals.waits += 1
        for delivery in self._deliveries:
            for publisher, _ in delivery.credits:
                self.hold(publisher)
        return True

    def _is_congested(self, batch: Batch) -> bool:
        only: Member | None = None  # no receiver of what it published alone
        if len(batch.own) == 1:
            author = batch.spans[0].author
            only = self._members.get(author.user) if author.user else None
            if only is not None and not (only.receives and only.excluded == author.session):
                only = None
        return self._congestion.is_over(self._who.receiving, only)


def _end(entry: Entry, credits: Credits) -> None:
    """All have been given the entry."""
    entry.batch.annotated = None
    for publisher, size in credits:
        publisher.credit(size)
