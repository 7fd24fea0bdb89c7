"""Stories of clients of `relay.v1` that lose their connections, told and then judged."""

import asyncio
from collections.abc import Callable

from relay.settings import Settings
from tests.relay.unit.phone import Phone
from tests.relay.unit.resuming import World

ALL = 10**9

Story = Callable[[World, Phone, Phone, Phone], None]


def tell(story: Story, *, is_late: bool = False, settings: Settings | None = None) -> None:
    """Play what happens to ann, ben (who echoes) and cho (who skips); then everybody comes back."""

    async def run() -> None:
        world = World(is_late=is_late, settings=settings)
        for phone in world.phones:
            come(world, phone)
        story(world, *world.phones)
        world.settle()
        world.judge()

    asyncio.run(run())


def come(world: World, phone: Phone) -> None:
    world.connect(phone)
    world.tick()
    world.answer(ALL)
    phone.take(ALL)


def say(world: World, phone: Phone, count: int = 1) -> None:
    for _ in range(count):
        phone.say()
    world.read(phone, ALL)
    world.tick()
