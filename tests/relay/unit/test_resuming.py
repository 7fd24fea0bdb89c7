"""Nothing is lost or repeated, in either direction, whatever connections and logs do."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.relay.unit.resuming import World

Step = tuple[str, int, int]

# What happens often is here often; the numbers are bytes, messages, or entries.
STEPS: list[Step] = [
    *[(what, who, 10**6) for what in ("read", "take", "back") for who in range(3) for _ in "ab"],
    *[("talk", who, size) for who in range(3) for size in (1, 2, 5)],
    *[("say", who, 2) for who in range(3)],
    *[("read", who, size) for who in range(3) for size in (7, 25)],
    *[("take", who, size) for who in range(3) for size in (30, 150, 400)],
    *[("give", who, size) for who in range(3) for size in (100, 1000)],
    *[("cut", who, size) for who in range(3) for size in (0, 60, 90, 130, 290)],
    *[("vanish", who, size) for who in range(3) for size in (0, 60, 90, 130, 290)],
    *[("connect", who, size) for who in range(3) for size in (0, 300, 10**9)],
    *[("tick", 0, 0)] * 6,
    *[("answer", 0, count) for count in (1, 1, 1, 2, 5)],
    *[
        ("move", 0, 0),
        ("move", 0, 0),
        ("notice", 0, 0),
        ("crash", 0, 0),
        ("haunt", 0, 25),
        ("haunt", 0, 10**6),
        ("haunt", 0, 10**6),
    ],
    *[("trim", 0, 1), ("trim", 0, 3), ("wait", 0, 1), ("wait", 0, 6), ("wait", 0, 70)],
]
SCRIPTS = st.lists(st.sampled_from(STEPS), min_size=5, max_size=120)


def step(world: World, what: str, index: int, size: int) -> None:
    phone = world.phones[index]
    if what in ("say", "talk"):
        for _ in range(size):
            phone.say()
        if what == "talk":
            world.read(phone, 10**6)
    elif what == "back":
        world.connect(phone)
        world.tick()
    elif what == "read":
        world.read(phone, size)
    elif what == "take":
        phone.take(size)
    elif what == "give":
        phone.wire.give(size)
    elif what in ("cut", "vanish"):
        world.cut(phone, size, size * 7 % 1000, is_noticed=what == "cut")
    elif what == "connect":
        world.connect(phone, size)
    elif what in ("tick", "notice", "crash", "move"):
        getattr(world, what)()
    else:
        getattr(world, what)(size)


def play(script: list[Step], *, is_late: bool, has_witness: bool = False) -> None:
    async def run() -> None:
        world = World(is_late=is_late, has_witness=has_witness)
        for who in range(3):
            step(world, "back", who, 0)
        for each in script:
            step(world, *each)
        world.settle()
        world.judge()

    asyncio.run(run())


@pytest.mark.parametrize("is_late", [False, True], ids=["memory", "late"])
@settings(max_examples=300, deadline=None)
@given(script=SCRIPTS, has_witness=st.booleans())
def test_everything_arrives_exactly_once_or_a_gap_is_told(
    is_late: bool, script: list[Step], has_witness: bool
) -> None:
    """In the order of the room, with logs that answer at once or later; a raw member sees all."""
    play(script, is_late=is_late, has_witness=has_witness)
