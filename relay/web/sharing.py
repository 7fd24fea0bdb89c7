"""What relays that share their rooms ask each other, and how each answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from relay.access.revocations import Revocation
from relay.edge.alive_check import PATIENCE
from relay.edge.connection import watchdog_of
from relay.edge.nats.errors import Away, NoResponders
from relay.member.options import Options
from relay.member.session import Session
from relay.member.session_state import identity_of
from relay.names import RoomName, UserName
from relay.room.room import Room
from relay.web.context import Context
from relay.web.refusals import LAST, Refusal
from relay.wire.closing import Close, Reason

if TYPE_CHECKING:
    from relay.edge.nats.cluster import Cluster

_MOST_ROOMS: Final = 10_000  # that a relay tells of, the largest first
_MOST_NAMES: Final = 1000


def join_cluster(context: Context, cluster: "Cluster") -> None:
    """Let other relays ask this one, and have members closed when NATS loses a log."""

    async def answer(question: dict[str, Any]) -> Any:
        return await _answer(context, question)

    def lose(room: Room) -> None:
        _close([each for each in sessions(context) if each.room is room], Reason.LOG_AWAY.close())
        context.hub.drop(room)

    cluster.rooms.hub = context.hub
    cluster.answer = answer
    cluster.rooms.on_lost = lose
    cluster.count = lambda: len(context.roster.clients)
    cluster.revoked.on_revoked = lambda revocation: close_revoked(context, revocation)


@asynccontextmanager
async def followed(context: Context, room: RoomName) -> AsyncIterator[None]:
    """Have what is known of a room here while the context is open, or refuse."""
    cluster = context.cluster
    if cluster is None:
        yield
        return
    try:
        if cluster.is_away:
            raise Away("NATS is away")
        async with cluster.rooms.visit(room):
            yield
    except Away:
        raise Refusal(
            503, "relay cannot reach the log of its rooms; try again later", LAST
        ) from None


async def is_elsewhere(context: Context, room: RoomName, options: Options) -> bool:
    """Whether another relay has a connection with this name, which gives a sign of life."""
    cluster = context.cluster
    if cluster is None:
        return False
    while person := context.hub.room(room).presence.people.get(options.user):
        is_own = options.grant.user is not None or person.session == identity_of(options)
        if is_own or person.relay == cluster.relay:
            return False
        question = {
            "ask": "alive",
            "room": room,
            "user": options.user,
            "session": person.session,
        }
        try:
            if await cluster.peers.ask(person.relay, question, PATIENCE + 1):
                return True
        except NoResponders:
            pass  # that relay is gone
        except Away:
            if cluster.is_away:
                raise
        if context.hub.room(room).presence.people.get(options.user) == person:
            return False
    return False


def close_revoked(context: Context, revocation: Revocation) -> int:
    """Close those who are connected here with a revoked token; return how many."""
    found = [each for each in sessions(context) if revocation.covers(each.options.grant)]
    _close(found, Reason.REVOKED.close())
    return len(found)


def disconnect(context: Context, room: RoomName, user: UserName | None) -> int:
    """Close the connection of one user or of everybody in a room here; return how many."""
    found = [
        each for each in sessions(context) if each.room.name == room and user in (None, each.user)
    ]
    _close(found, Reason.DISCONNECTED.close())
    return len(found)


async def disconnect_elsewhere(context: Context, room: RoomName, user: UserName | None) -> int:
    """Have the other relays do so; return how many they have closed."""
    if context.cluster is None:
        return 0
    question = {"ask": "disconnect", "room": room, "user": user}
    return sum(await context.cluster.peers.ask_all(question))


async def people_of(context: Context, room: RoomName) -> list[UserName]:
    """Return who is in a room, on whatever relay."""
    found = context.hub.rooms.get(room)
    cluster = context.cluster
    if cluster is None:
        return list(found.members) if found else []
    if found is not None and found.is_open:
        return list(found.presence.people)
    try:
        answers = await cluster.peers.ask_all({"ask": "people", "room": room})
    except Away:
        return list(found.members) if found else []
    longest: list[str] = max(answers, key=len, default=[])
    return [UserName(user) for user in longest]


async def rooms_elsewhere(cluster: "Cluster") -> list[tuple[RoomName, list[UserName], int]]:
    """Return the rooms of other relays, with the names of some who are there, and their count."""
    try:
        answers = await cluster.peers.ask_all({"ask": "rooms"})
    except Away:
        return []
    return [
        (RoomName(room), [UserName(user) for user in users], count)
        for answer in answers
        for room, users, count in answer
    ]


async def _answer(context: Context, question: dict[str, Any]) -> Any:
    asked = question.get("ask")
    if asked == "alive":
        return await _is_alive(context, question)
    if asked == "people":
        room = context.hub.rooms.get(RoomName(question["room"]))
        return list(room.presence.people) if room is not None and room.is_open else []
    if asked == "rooms":
        return _rooms(context)
    if asked == "disconnect":
        return disconnect(context, RoomName(question["room"]), question["user"])
    return None


async def _is_alive(context: Context, question: dict[str, Any]) -> bool:
    """Whether the connection that has this name gives a sign of life."""
    holder = context.hub.holder(RoomName(question["room"]), UserName(question["user"]))
    if not isinstance(holder, Session) or holder.id != question["session"]:
        return False
    return await watchdog_of(holder).is_alive()


def _rooms(context: Context) -> list[tuple[RoomName, list[UserName], int]]:
    left = _MOST_NAMES
    found = []
    rooms = sorted(context.hub.rooms.items(), key=lambda each: -len(each[1].members))
    for name, room in rooms[:_MOST_ROOMS]:
        if room.members:
            users = list(room.members)[:left]
            left -= len(users)
            found.append((name, users, len(room.members)))
    return found


def sessions(context: Context) -> list[Session]:
    """Return the sessions that are in their rooms; those that are being closed are not."""
    return [client.session for client in context.roster.clients if client.session.is_open]


def _close(sessions: list[Session], close: Close) -> None:
    for session in sessions:
        session.close(close, 0)
