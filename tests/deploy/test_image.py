"""How the sources of an image get to whoever builds it."""

import subprocess
from pathlib import Path

import pytest

from infra.plan.refusal import Refusal
from infra.plan.release import Release
from infra.tasks.image import _pipe_archive

pytestmark = pytest.mark.long

_MORE_THAN_A_PIPE_HOLDS = 1_000_000  # bytes


def test_build_that_ends_before_it_has_read_everything_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As when the engine is gone, or the line to the host that builds."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sources").write_bytes(bytes(_MORE_THAN_A_PIPE_HOLDS))
    author = ("-c", "user.name=somebody", "-c", "user.email=somebody@relay.test")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "Sources")):
        subprocess.run(["git", *words], check=True)
    release = Release("", "HEAD", 0, "", "HEAD", ())
    with caplog.at_level("INFO"), pytest.raises(Refusal, match="cannot be built: no engine"):
        builder = ["sh", "-c", "echo step 1 >&2; echo no engine >&2; exit 1"]
        _pipe_archive(release, builder, "it cannot be built")
    assert "step 1" in caplog.text  # what a builder said before is above the sentence
