"""`make watch`: what is told of a host that answers only in part."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from infra.operate import watch
from infra.plan.access import Access

NOBODY = "255.255.255.255"  # TCP reaches nobody there, and says so at once
_SSH = """#!/bin/sh
case "$*" in
*" survey "*) cat > /dev/null; cat "$BENCH/survey" ;;
*" relay token "*) echo "no such secret" >&2; exit 1 ;;
esac
"""
_SERVICE: dict[str, Any] = {
    "release": "none",
    "started": 0,
    "restarts": 0,
    "was_killed": False,
    "memory": 0,
}
_SURVEY: dict[str, Any] = {
    "release": "none",
    "hold": "",
    "trouble": "",
    "services": [],
    "health": {},
    "domain": "",
    "booted": 0,
    "waits_for_reboot": False,
    "memory": [1, 1],
    "disks": {},
    "deploys": [],
}


def _look(folder: Path, monkeypatch: pytest.MonkeyPatch, **found: Any) -> list[str]:
    """What is told of a host that says this of itself, and that no message reaches."""
    (folder / "survey").write_text(json.dumps({**_SURVEY, **found}))
    (folder / "ssh").write_text(_SSH)
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("BENCH", str(folder))
    monkeypatch.setattr(watch, "_PAUSE", 0.0)
    said = watch.look(Access(NOBODY, "deploy", None, None), "", hours=24)
    assert said[-1].startswith("no message came through the public address: ")
    return said[:-1]


def test_a_host_whose_relay_is_down_was_asked_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fact in one sentence; nobody asks a relay for tokens that does not run."""
    services = [{**_SERVICE, "name": "caddy", "status": "running"}]
    (sentence,) = _look(tmp_path, monkeypatch, services=services)
    assert sentence.startswith("no container of relay runs")


def test_a_host_whose_docker_is_down_says_so_and_not_that_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers go on without their engine."""
    (sentence,) = _look(tmp_path, monkeypatch, trouble="docker stats failed: why")
    assert sentence.startswith("Docker cannot be asked: docker stats failed: why")


def test_a_relay_that_makes_no_token_is_told_in_its_own_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host itself has answered."""
    services = [{**_SERVICE, "name": name, "status": "running"} for name in ("relay", "caddy")]
    (sentence,) = _look(tmp_path, monkeypatch, services=services)
    assert sentence == f"the relay makes no token: {NOBODY}: no such secret"
