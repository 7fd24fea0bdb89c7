"""The scripts that the workflows call: what they decide, measure and publish."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.conftest import StartRelay
from tests.process import ROOT, Relay

SECRETS = ("HETZNER_HOST", "HETZNER_SSH_KEY", "ROOT_SSH_KEY")


@pytest.fixture
def outputs(tmp_path: Path) -> dict[str, str]:
    """The files that GitHub names in the environment of a step, and nothing of this shell's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }


async def _run(script: str, env: dict[str, str], root: Path = ROOT) -> tuple[int, str]:
    return await _execute(root / "scripts" / script, env=env)


async def _git(*words: str | Path) -> str:
    return (await _execute("git", *words))[1]


async def _execute(*command: str | Path, env: dict[str, str] | None = None) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


def _read(outputs: dict[str, str], name: str) -> str:
    return Path(outputs[name]).read_text()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with scripts and load tester, whose reports are nobody else's."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("scripts", "loadtest", "wsload", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "scripts").unlink()
    (folder / "scripts").mkdir()
    for script in ("benchmark-host", "publish-reports"):
        (folder / "scripts" / script).write_bytes((ROOT / "scripts" / script).read_bytes())
        (folder / "scripts" / script).chmod(0o755)
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return folder


async def test_with_all_secrets_the_workflow_goes_on(outputs: dict[str, str]) -> None:
    """And nothing is said."""
    env = {**outputs, **dict.fromkeys(SECRETS[:2], "true")}
    assert await _run("secrets-missing", env) == (0, "")
    assert _read(outputs, "GITHUB_OUTPUT") == "complete=true\n"


async def test_secrets_of_an_environment_cannot_be_seen_and_are_taken_on_trust(
    outputs: dict[str, str],
) -> None:
    """The job that looks is in none, so that GitHub notes one deployment a push."""
    env = {**outputs, "SECRETS_IN_ENVIRONMENT": "true"}
    assert await _run("secrets-missing", env) == (0, "")
    assert _read(outputs, "GITHUB_OUTPUT") == "complete=true\n"


@pytest.mark.parametrize("missing", SECRETS)
async def test_a_missing_secret_is_named_with_the_way_to_add_it(
    outputs: dict[str, str], missing: str
) -> None:
    """The workflow does not fail: it skips what needs the secret."""
    env = {**outputs, **dict.fromkeys(SECRETS, "true"), missing: "false"}
    code, printed = await _execute(ROOT / "scripts" / "secrets-missing", *SECRETS, env=env)
    assert code == 0
    assert f"missing secrets: {missing};" in printed
    assert _read(outputs, "GITHUB_OUTPUT") == "complete=false\n"
    summary = _read(outputs, "GITHUB_STEP_SUMMARY")
    assert f"- `{missing}`\n" in summary
    assert f"gh secret set {missing}" in summary


async def test_results_are_appended_to_a_branch_without_the_servers_address(
    relay: Relay, outputs: dict[str, str], checkout: Path, tmp_path: Path
) -> None:
    """Twice: measured on a relay, published to a remote that has no such branch at first."""
    remote = tmp_path / "remote.git"
    await _git("init", "-q", "--bare", remote)
    host = f"127.0.0.1:{relay.port}"
    # Of several hosts, the first is measured, and none is told.
    hosts = f"{host}\n203.0.113.8"
    env = {**outputs, "HETZNER_HOST": hosts, "DURATION": "1", "PAGES_REMOTE": str(remote)}
    for count in (1, 2):
        code, printed = await _run("benchmark-host", env, checkout)
        assert code == 0, printed
        assert "measured=true" in _read(outputs, "GITHUB_OUTPUT")
        code, printed = await _run("publish-reports", env, checkout)
        assert code == 0, printed
        names = (await _git("-C", remote, "ls-tree", "-r", "--name-only", "gh-pages")).split()
        reports = [name for name in names if name.endswith(".json")]
        assert len(reports) == count
        assert "index.html" in names
    published = await _git("-C", remote, "show", f"gh-pages:{reports[0]}")
    assert json.loads(published)["host"] == "ws://production"
    assert await _git("-C", remote, "grep", "-F", host, "gh-pages") == ""


async def test_a_relay_that_asks_for_tokens_is_not_measured(
    start_relay: StartRelay, outputs: dict[str, str], checkout: Path
) -> None:
    """A token is for one name; the workflow says so and goes on."""
    relay = await start_relay(JWT_SECRET="x" * 32)
    env = {**outputs, "HETZNER_HOST": f"127.0.0.1:{relay.port}"}
    code, printed = await _run("benchmark-host", env, checkout)
    assert code == 0
    assert "asks for tokens" in printed
    assert _read(outputs, "GITHUB_OUTPUT") == "measured=false\n"


async def test_a_load_test_that_crashes_measures_nothing(
    relay: Relay, outputs: dict[str, str], checkout: Path
) -> None:
    """There would be nothing to publish."""
    (checkout / ".venv/bin/python").write_text("#!/bin/sh\necho no such module >&2\nexit 1\n")
    env = {**outputs, "HETZNER_HOST": f"127.0.0.1:{relay.port}"}
    code, printed = await _run("benchmark-host", env, checkout)
    assert code == 1
    assert "no such module" in printed
    assert "::error::the load test ended without a report" in printed
    assert "measured" not in printed
    with pytest.raises(FileNotFoundError):
        _read(outputs, "GITHUB_OUTPUT")


async def test_a_host_without_a_relay_fails_with_a_sentence(
    outputs: dict[str, str], checkout: Path
) -> None:
    """It names the host and what it answered."""
    code, printed = await _run(
        "benchmark-host", {**outputs, "HETZNER_HOST": "127.0.0.1:9"}, checkout
    )
    assert code == 1
    assert "no relay answers on 127.0.0.1:9: GET /ws/benchmark gave 000, expected 426" in printed


@pytest.mark.parametrize("host", ["203.0.113.7", " 203.0.113.7\r\n", "2001:db8::7\n"])
async def test_only_the_host_key_that_was_given_is_trusted(
    outputs: dict[str, str], tmp_path: Path, host: str
) -> None:
    """Whatever name it was given for: a log of GitHub's hides the address."""
    key = "*** ssh-ed25519 AAAA root@relay\r\n"
    env = {**outputs, "HETZNER_HOST": host, "HETZNER_HOST_KEY": key}
    assert await _run("trust-host-key", env) == (0, "")
    known = (tmp_path / ".ssh" / "known_hosts").read_text()
    assert known == f"{host.strip()} ssh-ed25519 AAAA\n"


@pytest.mark.parametrize(
    ("host", "key", "sentence"),
    [
        ("", "", "HETZNER_HOST is not set: it is the address of the server"),
        ("203.0.113.7,203.0.113.8", "", "HETZNER_HOST names several hosts: provision them from a"),
        ("203.0.113.7\n203.0.113.8", "", "HETZNER_HOST names several hosts: provision them from a"),
        (
            "203.0.113.7",
            "what?",
            "HETZNER_HOST_KEY is not a host key: expected a line like ADDRESS",
        ),
    ],
)
async def test_what_names_no_host_or_no_key_is_refused_before_a_connection(
    outputs: dict[str, str], host: str, key: str, sentence: str
) -> None:
    """As GitHub shows it above the log of the run."""
    env = {**outputs, "HETZNER_HOST": host, "HETZNER_HOST_KEY": key}
    code, printed = await _run("trust-host-key", env)
    assert code == 1
    assert printed.startswith(f"::error::{sentence}")


def test_no_push_drops_what_was_begun_by_hand() -> None:
    """GitHub keeps one run waiting in a group, and drops it when another one comes."""
    groups = {}
    for workflow in ("deploy", "rollback", "provision", "watch"):
        text = (ROOT / f".github/workflows/{workflow}.yml").read_text()
        groups[workflow] = text.partition("concurrency:\n  group: ")[2].partition("\n")[0]
    assert len(set(groups.values())) == len(groups), groups


async def test_what_a_form_says_is_no_part_of_a_command(tmp_path: Path) -> None:
    """The release to go back to is typed on GitHub, and reaches the program as one word."""
    mark = tmp_path / "mark"
    release = f"$(shell touch {mark}); touch {mark}; $(touch {mark})"
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nfor word; do echo "[$word]"; done\n')
    python.chmod(0o755)
    words = (
        "make",
        "--no-print-directory",
        "--assume-old=.venv/deploy.lock",
        f"BIN={tmp_path}",
        "rollback",
        "HOST=a,b",
    )
    code, printed = await _execute(*words, env={**os.environ, "RELEASE": release})
    assert code == 0, printed
    expected = ["-m", "infra", "rollback", "--host", "a,b", "--", release]
    assert printed.splitlines()[-len(expected) :] == [f"[{word}]" for word in expected]
    assert not mark.exists()
    code, printed = await _execute(*words, env={**os.environ, "RELEASE": ""})
    assert printed.splitlines()[-1] == "[a,b]"
