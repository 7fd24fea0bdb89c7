"""What becomes of a switch: each state that it can end in, and who serves then."""

import pytest

from infra.host.state import State, Verdict
from tests.infra.host.conftest import A, B, C, D, World
from tests.infra.host.fake import Relay


def test_first_release_serves(world: World) -> None:
    """On a host that has had none."""
    assert world.deploy(A).state is State.KEPT
    assert world.serves() == A


def test_next_release_takes_over_and_nobody_is_cut_off(world: World) -> None:
    """The old relay may not come back before the new one starts, and is removed at the end."""
    world.deploy(A)
    assert world.deploy(B).state is State.KEPT
    assert world.serves() == B
    assert world.docker.cut == 0
    commands = world.docker.commands
    forbidden = next(
        i for i, words in enumerate(commands) if words == "update --restart no container1"
    )
    started = commands.index("start container2")
    assert forbidden < started < commands.index("rm --force container1")


@pytest.mark.parametrize(
    ("relay", "reason"),
    [
        (Relay.DOES_NOT_START, "it ended with exit code 1"),
        (Relay.NEVER_READY, "it runs but does not get ready within 60 s"),
    ],
)
def test_release_that_does_not_take_over_leaves_the_old_one_alone(
    world: World, relay: Relay, reason: str
) -> None:
    """It serves on, and may be started again after a reboot."""
    world.deploy(A)
    ended = world.deploy(B, relay)
    assert (ended.state, ended.words) == (State.FAILED, f"release {B}: {reason}")
    assert world.serves() == A
    assert world.docker.cut == 0


def test_relay_that_is_too_busy_to_answer_is_not_taken_for_one_that_has_handed_over(
    world: World,
) -> None:
    """Stopping it would cut off everybody."""
    world.deploy(A)
    world.docker.boxes[0].relay = Relay.BUSY
    assert world.deploy(B, Relay.NEVER_READY).state is State.FAILED
    assert world.serves() == A
    assert world.docker.cut == 0


@pytest.mark.parametrize(("relay", "cut"), [(Relay.OVERLOADED, 0), (Relay.STUCK, 1)])
def test_release_that_takes_over_and_is_not_ready_hands_back(
    world: World, relay: Relay, cut: int
) -> None:
    """The release before is started again, and takes over; only from one that hangs it cannot."""
    world.deploy(A)
    ended = world.deploy(B, relay)
    assert (ended.state, ended.words) == (State.RETURNED, A)
    assert world.serves() == A
    assert world.docker.cut == cut


def test_release_through_which_no_message_came_hands_back(world: World) -> None:
    """As the deploying machine says."""
    world.deploy(A)
    ended = world.deploy(B, verdict=Verdict.BACK)
    assert (ended.state, ended.words) == (State.RETURNED, A)
    assert world.serves() == A
    assert world.docker.cut == 0


def test_release_that_dies_before_the_verdict_is_taken_back(world: World) -> None:
    """Nobody has to say so."""
    world.deploy(A)
    assert world.deploy(B, Relay.DIES, verdict=None).state is State.RETURNED
    assert world.serves() == A


@pytest.mark.parametrize(
    ("relay", "state", "serves"),
    [(Relay.GOOD, State.KEPT, B), (Relay.MUTE, State.RETURNED, A)],
)
def test_without_a_verdict_the_host_decides(
    world: World, relay: Relay, state: State, serves: str
) -> None:
    """It sends a message itself, and asks for the commit."""
    world.deploy(A)
    assert world.deploy(B, relay, verdict=None).state is state
    assert world.serves() == serves
    assert world.docker.cut == 0


def test_bad_first_release_stays(world: World) -> None:
    """There is none to go back to, and the sentence says so."""
    ended = world.deploy(A, verdict=Verdict.BACK)
    assert ended.state is State.STAYS
    assert "there is no release before this one" in ended.words
    assert world.serves() == A


def test_release_before_that_does_not_get_ready_either(world: World) -> None:
    """What serves goes on serving, and is the record."""
    world.deploy(A, Relay.ONCE)
    ended = world.deploy(B, verdict=Verdict.BACK)
    assert (ended.state, ended.words) == (
        State.STAYS,
        f"release {A} does not get ready either: deploy a good one",
    )
    assert world.serves() == B
    assert world.docker.cut == 0


def test_another_deploy_was_first(world: World) -> None:
    """The question whether to go on is asked again, and nothing has been touched."""
    world.deploy(A)
    world.deploy(B)
    world.stage(C)
    ended = world.switch(C, expected=A)
    assert (ended.state, ended.words) == (State.MOVED, B)
    assert world.serves() == B
    assert world.switch(C, expected=B).state is State.KEPT


def test_caddyfile_that_is_refused_after_the_takeover_hands_back(world: World) -> None:
    """A rehearsal has validated it, and a reload can still fail."""
    world.deploy(A)
    world.stage(B, caddyfile="unloadable\n")
    assert world.switch(B).state is State.RETURNED
    assert world.serves() == A


def test_image_that_is_gone_touches_nothing(world: World) -> None:
    """Compose cannot make the container."""
    world.deploy(A)
    world.stage(B)
    world.docker.images.discard(B)
    ended = world.switch(B)
    assert ended.state is State.FAILED
    assert "No such image" in ended.words
    assert world.serves() == A


def test_full_disk_at_the_commit_hands_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record stays that of the release before."""
    world.deploy(A)
    commit = type(world.record).commit

    def full(record: object, release: object) -> None:
        if getattr(release, "name", "") == B:
            raise OSError(28, "No space left on device")
        commit(record, release)  # type: ignore[arg-type]

    monkeypatch.setattr(type(world.record), "commit", full)
    assert world.deploy(B).state is State.RETURNED
    assert world.serves() == A


def test_relay_that_hangs_is_killed_and_replaced(world: World) -> None:
    """It would hand nothing over."""
    world.deploy(A)
    world.docker.boxes[0].relay = Relay.HANGS
    assert world.deploy(B).state is State.KEPT
    assert world.serves() == B
    assert world.docker.commands.count("kill container1") == 1


def test_relay_of_before_handing_over_is_drained(world: World) -> None:
    """It is asked to leave once the new one is ready, not before."""
    world.deploy(A)
    world.docker.boxes[0].relay = Relay.CANNOT_HAND_OVER
    assert world.deploy(B).state is State.KEPT
    assert world.serves() == B
    assert world.docker.cut == 1


@pytest.mark.parametrize("status", ["paused", "exited"])
def test_site_that_is_down_is_deployed_to(world: World, status: str) -> None:
    """A paused relay is woken and hands over; one that has ended is replaced."""
    world.deploy(A)
    world.docker.boxes[0].status = status
    if status == "exited":
        world.docker.holder = None
    assert world.deploy(B).state is State.KEPT
    assert world.serves() == B


def test_engine_that_is_being_restarted_is_waited_for(world: World) -> None:
    """Its containers go on meanwhile."""
    world.deploy(A)
    world.stage(B)
    world.docker.away_until = world.clock.time + 30
    assert world.switch(B).state is State.KEPT
    assert world.serves() == B


def test_engine_that_is_gone_is_a_sentence(world: World) -> None:
    """And the old relay serves on."""
    world.deploy(A)
    world.stage(B)
    world.docker.away_until = world.clock.time + 1000
    ended = world.switch(B)
    assert ended.state is State.FAILED
    assert ended.words.startswith("docker ps failed: Cannot connect to the Docker daemon")


def test_old_relay_that_cannot_be_stopped_does_not_make_the_new_one_bad(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has handed over by then, and is removed with the rest."""
    world.deploy(A)
    world.docker.unstoppable = "container1"
    assert world.deploy(B).state is State.KEPT
    assert world.serves() == B
    assert "docker stop failed: tried to kill container, but" in capsys.readouterr().out


def test_caddy_that_does_not_run_is_a_sentence(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The release before serves again, although nobody reaches it either."""
    world.deploy(A)
    world.docker.has_caddy = False
    assert world.deploy(B).state is State.RETURNED
    assert "Caddy does not run: provision the host again" in capsys.readouterr().out


def test_rollback_never_chooses_a_release_that_was_gone_back_from(world: World) -> None:
    """Good A and B, bad C, back to B, then D: before D is B, and before B is A."""
    for name in (A, B, C):
        world.deploy(name)
    assert world.record.before(C) == B
    world.switch(B)
    assert world.record.before(B) == A
    world.deploy(D)
    assert world.record.before(D) == B
    world.switch(B)
    assert world.record.before(B) == A
    world.switch(A)
    assert world.record.before(A) is None
    assert world.serves() == A
    assert world.docker.cut == 0


def test_release_that_was_taken_back_by_itself_is_before_none(world: World) -> None:
    """It never served."""
    for name in (A, B):
        world.deploy(name)
    world.deploy(C, verdict=Verdict.BACK)
    world.deploy(D)
    assert world.record.before(D) == B
