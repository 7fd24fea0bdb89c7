"""wsload by itself: a wheel, installed where there is nothing else of this project."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.wsload.conftest import ROOT, Process

_SCENARIO = """
from wsload.room import ScheduledUser


class Talker(ScheduledUser):
    interval = 50
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from wsload/, with what is installed already."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT / "wsload", check=True, capture_output=True,
    )  # fmt: skip
    return next(folder.glob("wsload-*.whl"))


def test_the_wheel_has_pages_and_code_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "wsload/room.py" in names
    assert "wsload/report/assets/report.js" in names
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"wsload"}
    metadata = next(name for name in names if name.endswith("METADATA"))
    text = zipfile.ZipFile(wheel).read(metadata).decode()
    assert "Requires-Dist: locust" in text
    assert "for load tests of any WebSocket server" in text  # its README


def test_an_installed_wheel_runs_a_scenario(wheel: Path, relay: Process, tmp_path: Path) -> None:
    """In a folder without this project's sources."""
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    zipfile.ZipFile(wheel).extractall(site)  # as pip does with a pure wheel
    (work / "talker.py").write_text(_SCENARIO)
    run = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "talker.py", "--headless", "--only-summary",
         "-u", "3", "-r", "100", "-t", "4s", "--host", relay.host],
        cwd=work, env={"PYTHONPATH": str(site), "PATH": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "PASSED" in run.stdout
    assert len(list((work / "reports").glob("*.html"))) == 1
