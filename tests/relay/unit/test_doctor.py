"""The doctor: facts and settings in, findings with advice out."""

from dataclasses import replace
from pathlib import Path

import pytest

from relay.doctor import facts
from relay.doctor.checks import Finding, Level, check
from relay.doctor.facts import Facts, SocketFact
from relay.doctor.report import text
from relay.settings import Settings
from tests.relay.unit.test_tokens import ED, pem

GOOD = Facts(
    file_limit=65536,
    memory_limit=10**9,
    ports=(1024, 65535),
    queue=4096,
    stop_grace="30s",
    is_clock_synchronised=True,
    relay='{"ready":true}',
)


def found(subject: str, facts: Facts = GOOD) -> list[Finding]:
    return [each for each in check(Settings.load(), facts) if each.subject == subject]


def test_nothing_is_wrong_where_everything_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed relay on a good machine has nothing to look at."""
    monkeypatch.setenv("JWT_PUBLIC_KEY", pem(ED))
    monkeypatch.setenv("MAX_CONNECTIONS_PER_IP", "500")
    findings = check(Settings.load(), GOOD)
    assert {each.level for each in findings} == {Level.OK}
    assert "0 look, 0 wrong" in text(findings)


@pytest.mark.parametrize(
    ("subject", "bad", "level", "words"),
    [
        ("descriptors", replace(GOOD, file_limit=1024), Level.LOOK, "for 768 connections"),
        ("ports", replace(GOOD, ports=(32768, 33000)), Level.LOOK, "233 ports (32768 to 33000)"),
        ("ports", replace(GOOD, ports=None), Level.LOOK, "cannot be read"),
        ("handshakes", replace(GOOD, queue=128), Level.LOOK, "128 may wait"),
        ("handshakes", replace(GOOD, queue=None), Level.LOOK, "cannot be read"),
        ("memory", replace(GOOD, memory_limit=64_000_000), Level.WRONG, "MAX_MESSAGE_SIZE is 10"),
        ("stopping", replace(GOOD, stop_grace="10s"), Level.WRONG, "is killed after 10 s"),
        ("stopping", replace(GOOD, stop_grace=None), Level.LOOK, "cannot be known from here"),
        ("stopping", replace(GOOD, stop_grace="soon"), Level.LOOK, "cannot be known from here"),
        ("clock", replace(GOOD, is_clock_synchronised=False), Level.LOOK, "is not synchronised"),
        ("clock", replace(GOOD, is_clock_synchronised=None), Level.LOOK, "it is not told"),
        ("relay", replace(GOOD, relay='{"ready":false}'), Level.LOOK, '{"ready":false}'),
    ],
)
def test_what_does_not_fit_is_found(subject: str, bad: Facts, level: Level, words: str) -> None:
    """Each with the fact, and most with what to do."""
    (finding,) = [each for each in found(subject, bad) if each.level is not Level.OK]
    assert finding.level is level
    assert words in finding.fact


def test_settings_that_do_not_fit_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what would make them fit."""
    monkeypatch.setenv("MAX_CONNECTIONS", "100000")
    monkeypatch.setenv("HISTORY_SIZE", "500MB")
    monkeypatch.setenv("JWKS_URL", "http://login.example/keys")
    monkeypatch.setenv("JWT_SECRET", "short")
    assert "MAX_CONNECTIONS is 100000" in found("descriptors")[0].fact
    assert "all rooms together keep 125 MB at most" in found("memory")[0].fact
    assert (
        "tokens expire by it" in found("clock", replace(GOOD, is_clock_synchronised=False))[0].fact
    )
    assert found("keys")[0].level is Level.WRONG
    monkeypatch.delenv("JWT_SECRET")
    assert "use https" in found("keys")[0].advice


@pytest.mark.parametrize(
    ("fact", "level", "words"),
    [
        (SocketFact("/run/r/a.sock", "socket", 0o660), Level.OK, "mode 0660"),
        (SocketFact("/run/r/a.sock", "missing"), Level.OK, "is not there yet"),
        (SocketFact("/run/r/a.sock", "nowhere"), Level.WRONG, "the directory of"),
        (SocketFact("/run/r/a.sock", "file"), Level.WRONG, "is no socket"),
        (SocketFact("/run/r/a.sock", "socket", 0o666), Level.WRONG, "has mode 0666"),
        (SocketFact("/run/r/a.sock", "socket", 0o660, False), Level.LOOK, "another user"),
    ],
)
def test_sockets_and_their_modes(fact: SocketFact, level: Level, words: str) -> None:
    """Whoever can write to them gets in, or takes over."""
    (finding,) = found("listen_socket", replace(GOOD, sockets=(("LISTEN_SOCKET", fact),)))
    assert finding.level is level
    assert words in finding.fact


def test_facts_are_read_here(tmp_path: Path) -> None:
    """On any machine without an exception; a path's kind is told."""
    (tmp_path / "file").touch()
    paths = {"a": tmp_path / "file", "b": tmp_path / "none", "c": tmp_path / "no" / "where"}
    read = facts.read(paths)
    assert read.file_limit > 0
    assert read.memory_limit > 0
    assert [found.kind for _, found in read.sockets] == ["file", "missing", "nowhere"]
