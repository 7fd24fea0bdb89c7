"""What the program on the host says of it, and deploys held back."""

import json
from dataclasses import asdict
from pathlib import Path

from infra.host.program import Program
from infra.host.record import Record
from infra.host.survey import Survey, survey
from tests.infra.host.conftest import A, B, World


def test_a_survey_survives_its_way_as_json(world: World) -> None:
    """What cannot be seen is empty; deploys come newest first."""
    world.deploy(A)
    world.deploy(B)
    found = survey(world.program(B)._host)
    assert found.release == B
    assert [deploy[:2] for deploy in found.deploys] == [(B, "kept"), (A, "kept")]
    assert 0 < found.memory[0] < found.memory[1]
    assert 0 < found.disks["/"][0] < found.disks["/"][1]
    assert Survey.parse(json.loads(json.dumps(asdict(found)))) == found


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
