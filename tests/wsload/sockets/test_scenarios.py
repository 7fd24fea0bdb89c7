"""Every scenario against our relay, as its user runs it."""

import time
from pathlib import Path

import pytest

from tests.wsload.conftest import LoadTest, Process, StartRelay, Struck, interrupt


def test_classic_benchmark_prints_its_table(relay: Process, loadtest: LoadTest) -> None:
    run = loadtest(relay.host)
    assert run.metrics["delivered"] == 3 * run.metrics["sent"] > 100
    assert run.metrics["lost"] == run.metrics["repeated"] == run.metrics["reordered"] == 0
    for word in (
        "throughput", "bandwidth", "average", "p50", "p95", "p99", "p99.9", "maximum", "connect",
        "sent", "delivered", "lost", "repeated", "reordered",
    ):  # fmt: skip
        assert f" {word} " in run.output
    assert "4 connections" in run.output  # a line of progress
    assert run.result["server"]["version"]
    assert run.result["schema"] == 2


def test_names_may_have_spaces(relay: Process, loadtest: LoadTest) -> None:
    """They used to break the first line of the handshake."""
    run = loadtest(relay.host, "--name", "Zoë says 100 %", "--room", "the lobby")
    assert run.metrics["delivered"] == 3 * run.metrics["sent"] > 100
    assert run.code == 0, run.output


def test_own_messages_come_back_with_echo(relay: Process, loadtest: LoadTest) -> None:
    run = loadtest(relay.host, "--echo")
    assert run.metrics["delivered"] == 4 * run.metrics["sent"] > 100
    assert run.metrics["lost"] == 0


def test_rooms_are_accounted_for_apart(relay: Process, loadtest: LoadTest) -> None:
    run = loadtest(relay.host, "--clients", "6", "--rooms", "3")
    assert run.metrics["delivered"] == run.metrics["sent"] > 100
    assert run.metrics["lost"] == run.metrics["leaked"] == 0


def test_rooms_are_spread_over_several_servers(real_relay: StartRelay, loadtest: LoadTest) -> None:
    """Two that share nothing: each of the four hears one of the other three."""
    relays = [real_relay(), real_relay()]
    run = loadtest(", ".join(relay.host for relay in relays), "--clients", "8", "--rooms", "2")
    assert run.metrics["lost"] == 2 * run.metrics["delivered"] > 100
    assert all(relay.deliveries() > 0 for relay in relays)
    assert run.result["host"] == ",".join(relay.host for relay in relays)


def test_members_that_join_in_the_middle_are_owed_the_rest(
    relay: Process, locust: LoadTest
) -> None:
    """Five users, two a second, each sends from its joining on."""
    run = locust("loadtest/broadcast.py", relay.host, "-u", "5", "-r", "2", "-t", "4s",
        "--start", "ramp")  # fmt: skip
    assert run.metrics["lost"] == run.metrics["repeated"] == run.metrics["reordered"] == 0
    assert run.metrics["sent"] < run.metrics["delivered"] < 4 * run.metrics["sent"]


def test_interrupted_while_it_waits_for_what_is_missing(
    faulty_relay: StartRelay, struck: Struck
) -> None:
    """The verdict is told once, as it was found; it used to be followed by a traceback."""
    relay = faulty_relay("--lose-every", "50")
    seen = [-1]

    def has_stopped_sending() -> bool:
        time.sleep(0.3)
        before, seen[0] = seen[0], relay.faults()["messages"]
        return before == seen[0] > 0

    run = struck(
        has_stopped_sending, interrupt, "-m", "loadtest", "--host", relay.host, "--clients", "4",
        "--interval", "5", "--duration", "1", "--settle", "4",
    )  # fmt: skip
    assert run.metrics["lost"] == relay.faults()["lost"] > 5
    assert run.output.count("over the limit of 0 (they were owed") == 1
    assert run.code == 1


def test_audio_reports_jitter(real_relay: StartRelay, locust: LoadTest) -> None:
    """Pings are answered meanwhile: listeners that say nothing stay."""
    relay = real_relay(PING_INTERVAL="1s")
    run = locust("loadtest/audio.py", relay.host, "-u", "5", "-t", "4s")
    assert run.metrics["jitter_p99"] > 0
    assert run.metrics["delivered"] == 4 * run.metrics["sent"] > 100
    assert run.result["closed"] == {}


def test_churn_comes_and_goes(relay: Process, locust: LoadTest) -> None:
    """Every hello comes back, and everybody can come back under a new name."""
    run = locust("loadtest/churn.py", relay.host, "-u", "5", "-t", "4s", "--interval", "20")
    assert run.metrics["sent"] > 20
    assert run.metrics["lost"] == run.metrics["refused"] == 0
    assert run.result["users"] == 5


def test_others_do_not_notice_a_laggard(real_relay: StartRelay, locust: LoadTest) -> None:
    """The relay cuts it off, which is no fault, and the others get everything."""
    relay = real_relay(WRITE_BUFFER_SIZE="64KB")
    run = locust("loadtest/lagging.py", relay.host, "-u", "5", "-t", "4s", "--payload", "50000")
    # The close frame may still be behind the backlog when the laggard looks at last.
    assert list(run.result["lagged"].values()) == [1]
    assert run.result["lagged"].keys() <= {"4001 too slow", "1006 lost without a close frame"}
    assert run.metrics["delivered"] == 3 * run.metrics["sent"] > 100
    assert run.metrics["lost"] == 0
    assert run.says("INCOMPLETE") == []


def test_steady_keeps_its_rate(relay: Process, locust: LoadTest) -> None:
    run = locust("loadtest/steady.py", relay.host, "-u", "4", "-t", "4s", "--rate", "400")
    assert run.metrics["sent"] == pytest.approx(400 * run.result["duration"], abs=8)
    assert run.metrics["lost"] == 0


def test_a_climb_ends_with_its_last_step(relay: Process, locust: LoadTest) -> None:
    """Or with the first that does not hold, on a machine that is too busy: long before its time."""
    run = locust(
        "loadtest/steady.py", relay.host, "-u", "4", "-t", "30s", "--rate", "100",
        "--rate-max", "200", "--rate-factor", "2", "--rate-step", "2", "--late", "60000",
    )  # fmt: skip
    steps = run.result["steps"]
    rates = [step["rate"] for step in steps]
    assert rates == sorted(rates)  # a step that falls short is tried once more
    assert rates[-1] == 200 or all(step["shortfall"] for step in steps[-2:])
    assert set(rates) <= {100, 200} and len(rates) <= 4
    held = [step["rate"] for step in steps if not step["shortfall"]]
    assert run.metrics["highest_rate"] == max(held, default=0)
    assert run.result["duration"] < 20


def test_a_climb_names_the_step_that_fell_short(relay: Process, locust: LoadTest) -> None:
    """No relay delivers within nothing."""
    run = locust("loadtest/steady.py", relay.host, "-u", "4", "-t", "30s", "--rate", "100",
        "--rate-max", "9000", "--rate-step", "2", "--require", "p50=0")  # fmt: skip
    assert [step["rate"] for step in run.result["steps"]] == [100, 100]
    assert "p50 latency" in run.result["steps"][0]["shortfall"]
    assert run.metrics["highest_rate"] == 0


def test_all_scenarios_together_keep_to_their_rooms(
    relay: Process, locust: LoadTest, tmp_path: Path
) -> None:
    """`-f loadtest` finds all five; Locust's own page names them with their directions."""
    page = tmp_path / "locust.html"
    run = locust("loadtest", relay.host, "-u", "10", "-t", "4s", "--html", str(page))
    assert run.result["scenarios"] == ["audio", "broadcast", "churn", "lagging", "steady"]
    assert run.metrics["lost"] == run.metrics["leaked"] == 0
    for direction in ("WS connect", "WS send", "WS receive"):
        assert direction in page.read_text()


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "loadtest", "--clients", "20", "--duration", "40", "--interval", "20"),
        (
            *("-m", "locust", "-f", "loadtest/broadcast.py", "--headless", "--only-summary"),
            *("-u", "20", "-r", "20", "-t", "40s", "--interval", "20"),
        ),
    ],
    ids=["loadtest", "locust"],
)
def test_interrupted_run_is_told_as_it_was(
    real_relay: StartRelay, interrupted: LoadTest, command: tuple[str, ...]
) -> None:
    """In the middle of 19,000 deliveries a second, and none of them is taken for lost."""
    relay = real_relay()
    run = interrupted(relay, 20_000, *command, "--host", relay.host)
    assert run.code == 2
    assert run.says("INCOMPLETE") == ["the run was interrupted"]
    assert run.metrics["lost"] == 0
    assert "KeyboardInterrupt" not in run.output


def test_thresholds_decide(relay: Process, loadtest: LoadTest, tmp_path: Path) -> None:
    """From the command line and from a file; each miss has its sentence."""
    limits = tmp_path / "limits.toml"
    limits.write_text("throughput = 9e9\nlost = 0\n")
    run = loadtest(
        relay.host, "--require", "p99=60000", "--require", "max=0.01",
        "--require-file", str(limits),
    )  # fmt: skip
    assert run.code == 1
    assert len(run.says("FAILED") + run.says("INVALID")) == 2
    assert "short of the required 9,000,000,000" in run.output
    assert "maximum latency: " in run.output
