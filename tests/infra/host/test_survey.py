"""What the program on the host says of it, and deploys held back."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from infra.host import docker
from infra.host.docker import Answer, Docker, run_here
from infra.host.program import Program
from infra.host.record import Record
from infra.host.survey import Survey, survey
from tests.infra.host.conftest import A, B, World


def test_a_survey_survives_its_way_as_json(world: World) -> None:
    """What cannot be seen is empty; deploys come newest first."""
    world.deploy(A)
    world.deploy(B)
    found = survey(world.host)
    assert found.release == B
    assert [deploy[:2] for deploy in found.deploys] == [(B, "kept"), (A, "kept")]
    assert 0 < found.memory[0] < found.memory[1]
    assert 0 < found.disks["/"][0] < found.disks["/"][1]
    assert Survey.parse(json.loads(json.dumps(asdict(found)))) == found


def test_a_survey_says_why_docker_cannot_be_asked(world: World) -> None:
    """What needs no engine is told all the same."""
    world.deploy(A)
    world.docker.away_until = world.clock.time + 1000
    found = survey(world.host)
    assert found.trouble.startswith("docker stats failed: Cannot connect to the Docker daemon")
    assert (found.services, found.health) == ((), {})
    assert [deploy[:2] for deploy in found.deploys] == [(A, "kept")]


def test_a_container_that_ends_while_it_is_weighed_is_left_out(world: World) -> None:
    """Docker writes -- for its share."""
    engine = Docker(world.root, world.clock, lambda _, __: Answer(True, "a 12.50%\nb --\n"))
    assert engine.memory() == {"a": 0.125}


def test_a_command_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an engine that hangs would hold the lock of the host for ever."""
    monkeypatch.setattr(docker, "_LIMIT", 0.1)
    assert run_here(["sleep", "60"], b"") == Answer(False, "", "no answer within 0.1 s")


def test_a_hold_says_who_and_why_until_it_is_lifted(tmp_path: Path) -> None:
    """In a file that a deploy reads."""
    program, record = Program(tmp_path / "release.pyz"), Record(tmp_path)
    assert record.hold == ""
    program.run("hold", str(tmp_path), "somebody", "the launch")
    assert record.hold.startswith("somebody, since 20")
    assert record.hold.endswith(" UTC: the launch")
    program.run("unhold", str(tmp_path))
    program.run("unhold", str(tmp_path))
    assert record.hold == ""
