"""`python -m relay` as its user meets it: clear sentences, exit code 2, never a traceback."""

import asyncio
import os
import socket
import subprocess
import sys

import orjson
import pytest

from relay.settings import table
from tests.conftest import StartRelay
from tests.process import ROOT


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "relay", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_help_lists_every_setting() -> None:
    """With its default and its meaning, as in the README."""
    outcome = run("--help")
    assert outcome.returncode == 0
    for name, default, meaning in table():
        (line,) = [line for line in outcome.stdout.splitlines() if line.split()[:1] == [name]]
        assert default in line
        assert line.endswith(meaning)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "http", "PORT=http: expected a whole number"),
        ("PORT", "70000", "PORT=70000: expected at most 65535"),
        (
            "MAX_MESSAGE_SIZE",
            "7 furlongs",
            "MAX_MESSAGE_SIZE=7 furlongs: expected a size such as 64KB, 1MB or 1000000",
        ),
        (
            "HISTORY_AGE",
            "soon",
            "HISTORY_AGE=soon: expected a duration such as 500ms, 15s, 2m or 1h",
        ),
        (
            "JWT_SECRET",
            "short",
            "JWT_SECRET=...: expected at least 32 bytes, for instance from: openssl rand -hex 32",
        ),
        (
            "JWT_PUBLIC_KEY",
            "MIIBIjANBg",
            "JWT_PUBLIC_KEY=...: expected a public key in PEM: -----BEGIN PUBLIC KEY-----",
        ),
        ("JWKS_URL", "login.example", "JWKS_URL=login.example: expected a URL such as https://"),
        (
            "ALLOWED_ORIGINS",
            ",",
            "ALLOWED_ORIGINS=,: no page could connect; expected * or origins such as https://",
        ),
        (
            "TRUSTED_PROXIES",
            "::ffff:10.0.0.0/104",
            "TRUSTED_PROXIES=::ffff:10.0.0.0/104: ::ffff:a00:0/104 matches nothing; expected 10.0.",
        ),
        (
            "ALLOWED_ORIGINS",
            "app.example",
            "ALLOWED_ORIGINS=app.example: 'app.example' is no origin; expected *, null, ",
        ),
        (
            "LOG_LEVEL",
            "loud",
            "LOG_LEVEL=loud: input should be 'debug', 'info', 'warning' or 'error'",
        ),
        ("LISTEN_ADDRESS", "192.0.2.1", "cannot listen on 192.0.2.1 port "),
        ("LISTEN_ADDRESS", "no.such.host.invalid", "cannot listen on no.such.host.invalid port "),
        ("LISTEN_ADDRESS", "a..b", "cannot listen on a..b port 0: not an address or the name of"),
    ],
)
def test_bad_setting_stops_the_start_with_a_sentence(name: str, value: str, sentence: str) -> None:
    """It names key, value and expectation."""
    outcome = run(**{"PORT": "0", name: value})
    assert outcome.returncode == 2
    assert outcome.stderr.splitlines()[-1].startswith(f"relay: {sentence}")
    assert "Traceback" not in outcome.stderr


def test_every_bad_setting_is_named_at_once() -> None:
    """One sentence each."""
    outcome = run(PORT="x", HISTORY_SIZE="y")
    assert outcome.returncode == 2
    assert [line.split("=")[0] for line in outcome.stderr.splitlines()] == [
        "relay: PORT",
        "relay: HISTORY_SIZE",
    ]


def test_port_in_use_is_a_sentence() -> None:
    """It says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        outcome = run(PORT=str(port), LISTEN_ADDRESS="127.0.0.1")
    assert outcome.returncode == 2
    assert outcome.stderr.splitlines()[-1] == (
        f"relay: cannot listen on 127.0.0.1 port {port}: address already in use; "
        "set PORT or LISTEN_ADDRESS to one that is free"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["token", "--user", "a/b", "--room", "x"],
            "user name contains '/'; / \\ ? # are not allowed",
        ),
        (["token", "--user", "a", "--room", ""], "room name is empty"),
        (
            ["token", "--user", "a", "--room", "x", "--expires", "later"],
            "--expires later: expected a duration such as 500ms, 15s, 2m or 1h",
        ),
        (
            ["token", "--user", "a", "--room", "x", "--expires", "0"],
            "--expires 0: expected between 1s and 36500d",
        ),
    ],
)
def test_bad_token_arguments_are_sentences(arguments: list[str], sentence: str) -> None:
    """Exit code 2, nothing on standard output."""
    outcome = run(*arguments, JWT_SECRET="x" * 32)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert outcome.stderr == f"relay: {sentence}\n"


def test_token_for_no_room_is_a_sentence() -> None:
    """Unless it is an administrator's."""
    outcome = run("token", "--user", "a", JWT_SECRET="x" * 32)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("relay: --room is missing")
    assert run("token", "--user", "a", "--admin", JWT_SECRET="x" * 32).returncode == 0


def test_token_without_a_secret_is_a_sentence() -> None:
    """There is nothing to sign it with."""
    outcome = run("token", "--user", "a", "--room", "x")
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("relay: JWT_SECRET is not set: ")


def test_unknown_argument_is_a_usage_error() -> None:
    """As every command line tool does it."""
    outcome = run("--port")
    assert outcome.returncode == 2
    assert "unrecognized arguments: --port" in outcome.stderr


async def test_log_in_json_is_one_object_per_line(start_relay: StartRelay) -> None:
    """For those who collect logs."""
    relay = await start_relay(LOG_FORMAT="json")
    async with relay.connect("alice"):
        line = await relay.logged("alice joined")
    entry = orjson.loads(line)
    assert entry["level"] == "info"
    assert entry["message"] == "alice joined lobby from 127.0.0.1"
    assert entry["time"].endswith("Z")


async def test_relay_says_that_anyone_may_connect(start_relay: StartRelay) -> None:
    """At each start, with the setting that would close it; nothing is said of what is closed."""
    relay = await start_relay()
    for words in (
        "anyone may connect to any room",
        "pages of any origin",
        "MAX_CONNECTIONS_PER_IP",
    ):
        line = await relay.logged(words)
        assert "WARNING open to everybody: " in line
    closed = await start_relay(JWT_SECRET="x" * 32, MAX_CONNECTIONS_PER_IP="500")
    await closed.get("/health")
    assert not [line for line in closed.log if "open to everybody" in line]


async def test_doctor_looks_at_the_relay_beside_it(start_relay: StartRelay) -> None:
    """Exit 0 where nothing is wrong, with each thing that is open and what would close it."""
    relay = await start_relay()
    outcome = await asyncio.to_thread(run, "doctor", PORT=str(relay.port), RELAY_STOP_GRACE="30s")
    assert outcome.returncode == 0, outcome.stdout
    assert "one serves here, and takes connections" in outcome.stdout
    assert "→ set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL" in outcome.stdout
    outcome = run("doctor", RELAY_STOP_GRACE="20s")
    assert outcome.returncode == 1
    assert "wrong  stopping" in outcome.stdout
