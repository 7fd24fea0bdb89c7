"""Fresh tokens of a session: checked in their order, and not kept in any number."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from relay.access.access import Access
from relay.access.grants import Grant
from relay.access.tokens import UnknownKey
from relay.edge.key_sets import KeySet
from relay.member.session import Session
from relay.names import UserName
from relay.web.renewal import Renewal

ALICE = UserName("alice")


@dataclass(eq=False)
class _Client:
    renew: Callable[[Grant, object], None]
    user: UserName = ALICE
    room: Any = field(default_factory=lambda: SimpleNamespace(name="den"))
    options: Any = field(default_factory=lambda: SimpleNamespace(grant=Grant(ALICE, ("*",))))
    fresh_token: str = ""
    is_over: bool = False


class _SlowKeys:
    """A key set whose server takes its time, and then has the key of every token."""

    def __init__(self) -> None:
        self.has_come = asyncio.Event()
        self.checked: list[str] = []

    async def refresh(self) -> bool:
        await self.has_come.wait()
        return True

    def connect(self, token: str, user: str, room: str) -> Grant:
        if not self.has_come.is_set() and token.startswith("rotated"):
            raise UnknownKey
        self.checked.append(token)
        return Grant(ALICE, ("*",), expires=float(token.split()[1]))


async def test_last_token_counts_and_those_between_are_not_kept() -> None:
    """The first waited for its key, and took the place of a later one when that had come."""
    keys, renewed = _SlowKeys(), asyncio.Queue[float]()
    session = _Client(lambda grant, _: renewed.put_nowait(grant.expires or 0))
    renewal = Renewal(cast(Access, keys), cast(KeySet, keys))
    for number, kind in enumerate(("rotated", *["plain"] * 100), 1):
        renewal(cast(Session, session), f"{kind} {number}")
        await asyncio.sleep(0)
    keys.has_come.set()
    assert [await renewed.get(), await renewed.get()] == [1, 101]
    assert keys.checked == ["rotated 1", "plain 101"]
    renewal(cast(Session, session), "plain 102")
    assert await renewed.get() == 102


async def test_session_has_its_token_until_it_is_checked() -> None:
    """So a successor finds it; and where that has it, nothing more is checked here."""
    keys, renewed = _SlowKeys(), asyncio.Queue[float]()
    session = _Client(lambda grant, _: renewed.put_nowait(grant.expires or 0))
    renewal = Renewal(cast(Access, keys), cast(KeySet, keys))
    renewal(cast(Session, session), "rotated 1")
    await asyncio.sleep(0)
    assert session.fresh_token == "rotated 1"
    renewal(cast(Session, session), "plain 2")
    assert session.fresh_token == "plain 2"
    session.is_over = True
    keys.has_come.set()
    while session.fresh_token:
        await asyncio.sleep(0)
    assert keys.checked == ["rotated 1"]
