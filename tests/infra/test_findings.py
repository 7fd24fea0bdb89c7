"""What is said of a host, and when nothing is."""

from dataclasses import replace

import pytest

from infra.host.survey import Service, Survey
from infra.operate import findings, status

NOW = 1_800_000_000.0
GB = 1 << 30
RELAY = Service("relay", "20261125T101500-0123456789ab", "running", NOW - 9e5, 0, False, 0.2)
CADDY = Service("caddy", "2", "running", NOW - 9e5, 0, False, 0.1)
WELL = Survey(
    release=RELAY.release,
    hold="",
    trouble="",
    services=(RELAY, CADDY),
    health={
        "deployed_by": "somebody",
        "service_uptime_seconds": 9e5,
        "count": 1200,
        "rooms": 31,
        "handover": {"at": NOW - 3600 * 5, "connections": 1190, "frozen_seconds": 0.023},
    },
    domain="relay.test",
    booted=NOW - 2e6,
    waits_for_reboot=False,
    memory=(2 * GB, 4 * GB),
    disks={"/": (20 * GB, 40 * GB)},
    deploys=((RELAY.release, "kept", NOW - 9e5),),
)


def _said(found: Survey, hours: float = 24) -> str:
    return "\n".join(findings.of_host(found, NOW, hours))


def test_of_a_host_that_is_well_nothing_is_said() -> None:
    """Nor of a certificate that has time."""
    assert _said(WELL) == ""
    assert findings.of_certificate(60) == findings.of_certificate(None) == []


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (replace(WELL, services=(CADDY,)), "no container of relay runs"),
        (
            replace(WELL, services=(RELAY, replace(CADDY, status="exited"))),
            "no container of caddy runs",
        ),
        (
            replace(WELL, services=(replace(RELAY, restarts=2, started=NOW - 3600), CADDY)),
            "relay ended by itself, and Docker started it again at 2027-01-15 07:00 UTC, restart 2",
        ),
        (
            replace(
                WELL,
                services=(RELAY, replace(CADDY, restarts=1, started=NOW - 60, was_killed=True)),
            ),
            "caddy ended by itself, for want of memory, and Docker",
        ),
        (
            replace(WELL, services=(RELAY, replace(CADDY, memory=0.9))),
            "caddy has taken 90% of its memory: give it more (CADDY_MEMORY)",
        ),
        (
            replace(WELL, services=(), trouble="docker stats failed: Cannot connect"),
            "Docker cannot be asked: docker stats failed: Cannot connect: if that lasts, ssh root@",
        ),
        (replace(WELL, memory=(GB // 5, 4 * GB)), "the host has 0.2 of 4.0 GB memory left"),
        (
            replace(WELL, disks={"/": (GB, 40 * GB)}),
            "/ has 1.0 of 40 GB free: docker builder prune",
        ),
    ],
)
def test_what_is_wrong_is_a_sentence(found: Survey, sentence: str) -> None:
    """One each, and nothing else is said."""
    said = _said(found)
    assert sentence in said
    assert len(said.splitlines()) == 1


def test_a_restart_is_told_for_as_long_as_was_asked() -> None:
    """A look every hour does not tell it all day."""
    found = replace(WELL, services=(replace(RELAY, restarts=1, started=NOW - 2 * 3600), CADDY))
    assert _said(found, hours=24)
    assert not _said(found, hours=1)


def test_a_disk_that_is_seen_twice_is_told_once() -> None:
    """Docker's directory is mostly on the same one."""
    found = replace(WELL, disks={"/": (GB, 40 * GB), "/var/lib/docker": (GB, 40 * GB)})
    assert len(_said(found).splitlines()) == 1


def test_a_certificate_that_should_have_been_renewed_is_told() -> None:
    """Nobody mails before it ends."""
    (sentence,) = findings.of_certificate(9.4)
    assert sentence.startswith("the certificate ends in 9 days, and Caddy should have renewed it")


def test_status_tells_all_of_it_in_a_screenful() -> None:
    """As somebody asks who was woken up."""
    held = replace(WELL, hold="somebody, since 20270115T080000 UTC: the launch")
    said = status.lines(held, 61.2, NOW)
    assert said == [
        "release        20261125T101500-0123456789ab, deployed by somebody",
        "serves since   10 days ago",
        "members        1,200 in 31 rooms",
        "last handover  5 hours ago, 1,190 connections, frozen for 23 ms",
        "relay          running, 10 days ago, 20% of its memory",
        "caddy          running, 10 days ago, 10% of its memory",
        "memory         2.0 of 4.0 GB available",
        "disk /         20.0 of 40 GB free",
        "certificate    relay.test, 61 days left",
        "last boot      23 days ago",
        "deploys        held back by somebody, since 20270115T080000 UTC: the launch",
        "               20261125T101500-0123456789ab kept, 10 days ago",
    ]
    silent = status.lines(replace(WELL, health={}, domain=""), None, NOW)
    assert "serves since  it does not answer" in silent
    without = status.lines(replace(WELL, services=(), trouble="docker stats failed: why"), 61, NOW)
    assert "docker         cannot be asked: docker stats failed: why" in without
