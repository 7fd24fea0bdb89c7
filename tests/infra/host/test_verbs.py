"""The verbs around a switch: rehearsal, cleaning up, what is remembered."""

import pytest

from infra.host.failure import Failure
from infra.host.lock import hold
from infra.host.state import Progress, Report, State, Verdict
from tests.infra.host.conftest import A, B, C, D, E, World
from tests.infra.host.fake import Relay


def _rehearse(world: World, name: str) -> None:
    world.program(name).run("rehearse", "60", "somebody")


def test_rehearsal_leaves_no_trace_and_takes_over_nothing(world: World) -> None:
    """The relay that serves is not even asked."""
    world.deploy(A)
    world.stage(B)
    _rehearse(world, B)
    assert world.serves() == A
    assert not any(
        "update" in words for words in world.docker.commands if "container1" in words[9:]
    )
    run = next(words for words in world.docker.commands if " run " in words)
    assert f"{B}/rehearsal.yml run --detach --no-deps" in run


@pytest.mark.parametrize(
    ("relay", "reason"),
    [
        (Relay.DOES_NOT_START, "and it ended with exit code 1"),
        (Relay.NEVER_READY, "and it runs but does not get ready within 60 s"),
        (Relay.MUTE, "and it carried no message: no message arrived"),
    ],
)
def test_bad_release_fails_in_its_rehearsal(
    world: World, relay: Relay, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason and its last lines; what serves is untouched."""
    world.deploy(A)
    world.stage(B, relay)
    with pytest.raises(
        Failure, match=f"the release was rehearsed beside the one that serves, {reason}"
    ):
        _rehearse(world, B)
    assert "  | no luck" in capsys.readouterr().out
    assert world.serves() == A


def test_errors_in_files_are_found_before_anything_is_started(world: World) -> None:
    """Compose and Caddy give the reason."""
    world.deploy(A)
    release = world.stage(B, caddyfile="nonsense\n")
    with pytest.raises(Failure, match=r"Caddyfile.docker .* unrecognized directive: nonsense"):
        _rehearse(world, B)
    (release.path / "docker-compose.yml").write_text("imagine\n")
    with pytest.raises(Failure, match=r"docker-compose.yml .* relay.imagine is not allowed"):
        _rehearse(world, B)
    assert not any(" run " in words for words in world.docker.commands)


def test_current_release_and_three_before_it_are_remembered(world: World) -> None:
    """With their images; those that rollbacks go to, not the last by time."""
    for name in (A, B):
        world.deploy(name)
    gone_back_from = "20261113T101500-aaaaaaaaaaaa"
    world.deploy(gone_back_from)
    world.switch(B)
    assert gone_back_from in world.docker.images  # somebody may go forward to it
    for name in (D, E):
        world.deploy(name)
    assert world.docker.images == {A, B, D, E} == {r.name for r in world.record.releases()}


def test_what_is_uploading_is_no_leftover(world: World) -> None:
    """A later deploy waits for this one; an older one was taken back."""
    world.deploy(A)
    world.deploy(B, verdict=Verdict.BACK)
    world.stage(D)
    world.deploy(C)
    assert world.docker.images == {A, C, D}


def test_preparing_removes_what_deploys_left_that_were_cut_off(world: World) -> None:
    """A rehearsal, and releases of more than an hour ago that never served."""
    world.deploy(A)
    world.stage(B)
    today = world.stage("20261125T113000-bbbbbbbbbbbb")
    rehearsal = world.docker.make(B, "relay-rehearsal")
    world.stage("20261125T120000-cccccccccccc")
    world.program("20261125T120000-cccccccccccc").run("prepare", "60", "somebody")
    assert rehearsal not in world.docker.boxes
    assert today.path.exists()
    assert B not in world.docker.images
    assert world.serves() == A


def test_lock_tells_who_has_it(world: World) -> None:
    """And is free again afterwards."""
    lock = world.root / "lock"
    refused = pytest.raises(Failure, match=r"within 2 s: release R, by somebody, since 2026")
    with hold(lock, "release R, by somebody", 0, world.clock), refused:  # noqa: SIM117
        with hold(lock, "me", 2, world.clock):
            pass
    with hold(lock, "me", 0, world.clock):
        assert lock.read_text() == "me, since 20261125T120000 UTC\n"


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize("progress", [Progress(State.KEPT), Progress(State.RETURNED, A)])
def test_what_the_host_reports_is_read_as_it_was_said(progress: Progress, alive: bool) -> None:
    """One line, which both sides know."""
    report = Report(progress, alive)
    assert Report.parse(str(report)) == report


def test_states_change_only_as_they_may(world: World) -> None:
    """And each change is logged."""
    release = world.stage(A)
    release.begin()
    with pytest.raises(Failure, match="a switch that is waiting cannot become kept"):
        release.enter(State.KEPT)


def test_unknown_verb_is_answered_with_those_there_are(world: World) -> None:
    """With what each takes."""
    world.stage(A)
    with pytest.raises(Failure, match=r"unknown verb: restart now\n(?s:.*)prepare WAIT WHO"):
        world.program(A).run("restart", "now")
