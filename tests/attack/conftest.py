"""Fixtures: a relay under attack, in a memory group of 512 MB where one can be made."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.attack.group import Group, NoGroup
from tests.attack.siege import Siege, besieged

Besiege = Callable[..., AbstractAsyncContextManager[Siege]]


@pytest.fixture
def group() -> Iterator[Group]:
    """A memory group of one's own; no test of the suite means anything without it."""
    try:
        group = Group()
    except NoGroup as reason:
        if os.environ.get("CI") and not os.geteuid():
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    yield group
    group.remove()


@pytest.fixture
def besiege(group: Group, request: pytest.FixtureRequest) -> Besiege:
    """Return a function that starts a relay with settings, and somebody who talks beside it."""
    is_long = os.environ.get("ATTACK") == "long"

    @asynccontextmanager
    async def start(**env: str) -> AsyncIterator[Siege]:
        async with besieged(request.node.name, group, is_long, **env) as siege:
            yield siege

    return start
