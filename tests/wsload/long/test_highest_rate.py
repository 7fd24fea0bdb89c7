"""The highest rate of a server whose limit is known."""

import pytest

from tests.wsload.conftest import LoadTest, Outcome, Process, StartRelay


def _steady(locust: LoadTest, relay: Process, *options: str) -> Outcome:
    return locust("loadtest/steady.py", relay.host, "-u", "4", "-t", "5m", "--rate", "100",
        "--rate-step", "5", "--late", "500", *options, patience=290)  # fmt: skip


@pytest.mark.timeout(700)
def test_the_knee_is_found_twice_in_a_row(faulty_relay: StartRelay, locust: LoadTest) -> None:
    """Within 10 %: the server relays at most 300 messages a second, and queues the others."""
    found = []
    for _ in range(2):
        run = _steady(locust, faulty_relay("--slowest", "300"), "--rate-max", "1000",
            "--rate-factor", "1.5")  # fmt: skip
        found.append(run.metrics["highest_rate"])
        assert any(step["shortfall"] for step in run.result["steps"])
        assert run.code == 0, run.output
    assert found[0] == pytest.approx(300, rel=0.15)
    assert found[1] == pytest.approx(found[0], rel=0.10)


def test_the_rate_is_that_of_all_senders_whoever_joins(relay: Process, locust: LoadTest) -> None:
    """One after the other, each sends from its joining on: not the rate times the users."""
    run = locust("loadtest/steady.py", relay.host, "-u", "5", "-r", "1", "-t", "10s",
        "--start", "ramp", "--rate", "200")  # fmt: skip
    rates = [second["sent"] for second in run.result["seconds"][1:]]
    assert len(rates) >= 5
    for rate in rates:
        assert rate == pytest.approx(200, rel=0.25)
