"""What a deploy decides before it touches a host, and how it counts what clients saw."""

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from infra.host.record import is_release
from infra.plan.access import Access
from infra.plan.refusal import Refusal
from infra.plan.release import Release, check_not_older
from infra.tasks.layers import Saved

_NAME = "20261125T101500-{}"


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three commits, one after the other, in a repository that is the current directory."""
    monkeypatch.chdir(tmp_path)
    author = ("-c", "user.name=somebody", "-c", "user.email=somebody@relay.test")
    subprocess.run(["git", "init", "-q"], check=True)
    hashes = []
    for number in range(3):
        message = ("commit", "-q", "--allow-empty", "-m", str(number))
        subprocess.run(["git", *author, *message], check=True)
        shown = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
        hashes.append(shown.stdout.strip())
    return hashes


def _release(commit: str, committed: int = 1000) -> Release:
    return Release(_NAME.format(commit[:12]), commit, committed, "", commit, ())


def test_ancestor_of_what_runs_is_refused(commits: list[str]) -> None:
    """Whatever the times say; its successor and the same commit are not."""
    first, second, third = commits
    with pytest.raises(Refusal, match="one of its ancestors: roll back with make rollback"):
        check_not_older(_release(first, 2000), _NAME.format(second[:12]), 1000)
    check_not_older(_release(second), _NAME.format(second[:12]), 2000)
    check_not_older(_release(third), _NAME.format(second[:12]), 2000)


def test_commit_time_decides_where_the_running_commit_is_unknown(commits: list[str]) -> None:
    """A shallow clone, or a branch that was rewritten."""
    unknown = _NAME.format("0123456789ab")
    with pytest.raises(Refusal, match="by the time of its commit"):
        check_not_older(_release(commits[0], 1000), unknown, 1001)
    check_not_older(_release(commits[0], 1001), unknown, 1000)
    check_not_older(_release(commits[0], 1001), unknown, None)
    check_not_older(_release(commits[0]), "none", None)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("20261125T101500-0123456789ab", True),
        ("20261125T101500-0123456789ab-dirty", True),
        ("none", False),
        ("20261125T101500-0123456789ab/..", False),
    ],
)
def test_names_of_releases(name: str, good: bool) -> None:
    """UTC time and twelve digits of the commit."""
    assert is_release(name) is good


@pytest.mark.parametrize(
    "given",
    [
        "ssh-ed25519 AAAA",
        "ssh-ed25519 AAAA root@relay\n",
        "203.0.113.7 ssh-ed25519 AAAA\r\n",
        "*** ssh-ed25519 AAAA",  # as a log shows it that hides the address
    ],
)
def test_host_key_is_taken_as_it_is_pasted(given: str, tmp_path: Path) -> None:
    """A line of known_hosts or a bare key: it is this host's."""
    access = Access.prepare("203.0.113.7", "deploy", "", given, tmp_path)
    assert access.known_hosts is not None
    assert access.known_hosts.read_text() == "203.0.113.7 ssh-ed25519 AAAA\n"


def test_only_layers_above_the_known_ones_are_sent(tmp_path: Path) -> None:
    """Of an archive as older engines write it, where a layer that occurs again is a link."""
    path = tmp_path / "image.tar"
    with tarfile.open(path, "w") as archive:
        for name, text in {
            "a/layer.tar": "base" * 1000,
            "b/layer.tar": "packages" * 1000,
            "d/layer.tar": "relay",
            "config.json": json.dumps({"rootfs": {"diff_ids": ["A", "B", "A", "D"]}}),
            "manifest.json": json.dumps(
                [
                    {
                        "Config": "config.json",
                        "Layers": [f"{part}/layer.tar" for part in "abcd"],
                    }
                ]
            ),
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("c/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../a/layer.tar"
        archive.addfile(link)
    saved = Saved.open(path)
    assert saved.known([("A",), ("A", "B", "X"), ("X", "B")]) == 2
    assert saved.known([]) == 0
    assert _sent(saved, 0) == {"a", "b", "c", "d"}
    assert _sent(saved, 2) == {"a", "c", "d"}  # a's file is also the third layer's
    assert _sent(saved, 3) == {"d", "c"}
    assert saved.bytes_above(3) < 500


def _sent(saved: Saved, known: int) -> set[str]:
    sent = io.BytesIO()
    saved.write(known, sent)
    with tarfile.open(fileobj=io.BytesIO(sent.getvalue())) as archive:
        names = archive.getnames()
    assert {"config.json", "manifest.json"} <= set(names)
    return {name[0] for name in names if name.endswith("layer.tar")}
