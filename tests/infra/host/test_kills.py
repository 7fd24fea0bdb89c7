"""A switch that ends at any moment: by SIGKILL, or with the host."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from infra.host.state import State, Verdict
from tests.infra.host.conftest import A, B, C, World
from tests.infra.host.fake import Killed, Relay

NewWorld = Callable[[], World]


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[World]]:
    """Changes of files are moments, too, of the world that is in this list."""
    current: list[World] = []

    def counted(change: Callable[..., None]) -> Callable[..., None]:
        def with_moments(*arguments: object, **options: object) -> None:
            for world in current:
                world.docker.moment()
            change(*arguments, **options)
            for world in current:
                world.docker.moment()

        return with_moments

    for name in ("replace", "symlink", "unlink"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    yield current
    current.clear()


def _killed_at(
    world: World, moment: int | None, relay: Relay, verdict: Verdict, moments: list[World]
) -> None:
    """A serves; B is put live by a program that is killed then."""
    world.deploy(A)
    world.stage(B, relay)
    world.docker.moments, world.docker.ends_at = 0, moment
    world.clock.speed = 100.0  # so that a wait is a few moments
    moments.append(world)
    with suppress(Killed):
        world.switch(B, verdict)
    moments.remove(world)
    world.docker.ends_at = None


CASES = [
    (Relay.GOOD, Verdict.KEEP),
    (Relay.GOOD, Verdict.BACK),
    (Relay.NEVER_READY, Verdict.KEEP),
    (Relay.STUCK, Verdict.KEEP),
]


@pytest.mark.parametrize(("relay", "verdict"), CASES)
@pytest.mark.parametrize("reboots", [False, True], ids=["killed", "rebooted"])
def test_whoever_mends_finds_one_relay_that_serves(
    new_world: NewWorld, moments: list[World], relay: Relay, verdict: Verdict, reboots: bool
) -> None:
    """At each moment of a switch. Without a reboot nobody is cut off; the next deploy succeeds."""
    whole = new_world()
    _killed_at(whole, None, relay, verdict, moments)
    assert whole.docker.moments > 50
    for moment in range(1, whole.docker.moments + 1):
        world = new_world()
        _killed_at(world, moment, relay, verdict, moments)
        if reboots:
            world.docker.reboot()
        world.mend(B)
        assert world.serves() in (A, B), moment
        if relay is not Relay.GOOD:
            assert world.serves() == A, moment
        assert world.docker.cut <= (relay is Relay.STUCK), moment
        if (relay, verdict) == CASES[0]:
            assert world.deploy(C).state is State.KEPT, moment
            assert world.serves() == C, moment


def test_host_that_reboots_comes_back_by_itself(new_world: NewWorld, moments: list[World]) -> None:
    """Whoever has handed over stays away: after a reboot at any moment at most one relay serves,
    and where none does, mending is what the host does first."""
    whole = new_world()
    _killed_at(whole, None, Relay.GOOD, Verdict.KEEP, moments)
    alone = 0
    for moment in range(1, whole.docker.moments + 1):
        world = new_world()
        _killed_at(world, moment, Relay.GOOD, Verdict.KEEP, moments)
        world.docker.reboot()
        running = [box for box in world.docker.boxes if box.runs]
        assert len(running) <= 1
        assert running or world.record.under_way == B, moment
        alone += bool(running)
    assert alone > whole.docker.moments / 2


def test_relay_that_is_overloaded_is_no_relay_that_is_down(world: World) -> None:
    """A switch was killed, and who serves is not ready: started again, it would cut off all."""
    world.deploy(A)
    world.docker.boxes[0].relay = Relay.OVERLOADED
    world.record.begin(world.stage(B))
    world.mend(B)
    assert world.serves() == A
    assert world.docker.cut == 0


def test_mending_that_is_killed_is_done_again(new_world: NewWorld, moments: list[World]) -> None:
    """Whatever it had done by then."""
    whole = new_world()
    _killed_at(whole, None, Relay.GOOD, Verdict.BACK, moments)
    for moment in range(20, whole.docker.moments, 30):
        for later in itertools.count(1):
            world = new_world()
            _killed_at(world, moment, Relay.GOOD, Verdict.BACK, moments)
            world.docker.moments, world.docker.ends_at = 0, later
            moments.append(world)
            killed = False
            try:
                world.mend(B)
            except Killed:
                killed = True
            moments.remove(world)
            world.docker.ends_at = None
            world.mend(B)
            assert world.serves() in (A, B), (moment, later)
            assert world.docker.cut == 0, (moment, later)
            if not killed:
                break
