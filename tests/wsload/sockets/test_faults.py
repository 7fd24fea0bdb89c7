"""Each fault of a relay is found and counted exactly: the relay's own count is the reference."""

import pytest

from tests.wsload.conftest import LoadTest, StartRelay


def test_a_correct_relay_passes(faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    """No fault, no finding, exit code 0."""
    relay = faulty_relay()
    run = loadtest(relay.host)
    assert run.says("FAILED") == []
    assert run.says("INCOMPLETE") == []
    assert run.metrics["sent"] == relay.faults()["messages"]
    assert run.metrics["delivered"] == 3 * run.metrics["sent"]


def test_every_lost_message_is_counted(faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    """Every 100th delivery, first and last ones included, and the run fails."""
    relay = faulty_relay("--lose-every", "100")
    run = loadtest(relay.host, "--settle", "0.5")
    lost = relay.faults()["lost"]
    assert lost > 5
    assert run.metrics["lost"] == lost
    assert run.metrics["delivered"] + lost == 3 * run.metrics["sent"]
    assert (run.metrics["repeated"], run.metrics["reordered"]) == (0, 0)
    assert run.code == 1
    assert (
        f"FAILED  lost: {lost} messages, over the limit of 0 (they were owed and never came)"
    ) in run.output


def test_a_relay_that_loses_everything_is_found(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """Not one message arrives, so no gap shows it: the senders' own logs do."""
    relay = faulty_relay("--lose-every", "1")
    run = loadtest(relay.host, "--settle", "0.2")
    assert run.metrics["lost"] == relay.faults()["lost"] == 3 * run.metrics["sent"] > 0


def test_every_repeated_message_is_counted(faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    """A second copy is no delivery."""
    relay = faulty_relay("--repeat-every", "100")
    run = loadtest(relay.host)
    assert run.metrics["repeated"] == relay.faults()["repeated"] > 5
    assert (run.metrics["lost"], run.metrics["reordered"]) == (0, 0)
    assert run.metrics["delivered"] == 3 * run.metrics["sent"]
    assert run.code == 1


def test_every_swapped_pair_counts_once(faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    """Of two that changed places, one came too late."""
    relay = faulty_relay("--swap-every", "100")
    run = loadtest(relay.host, "--settle", "0.5")
    assert run.metrics["reordered"] == relay.faults()["swapped"] > 5
    assert run.metrics["lost"] == relay.faults().get("lost", 0)
    assert run.metrics["repeated"] == 0
    assert run.code == 1


def test_delayed_messages_are_late_and_awaited(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """Those of the last second come within the settle time, and nothing is lost."""
    relay = faulty_relay("--delay-every", "100", "--delay", "1.2")
    run = loadtest(relay.host, "--late", "1000")
    assert run.metrics["late"] == relay.faults()["delayed"] > 5
    assert run.metrics["lost"] == 0
    assert run.metrics["max"] >= 1200


def test_a_message_in_the_wrong_room_is_a_leak(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """Two rooms of two: every message reaches two members too many."""
    run = loadtest(faulty_relay("--leak").host, "--rooms", "2")
    assert run.metrics["leaked"] == 2 * run.metrics["sent"] > 0
    assert run.metrics["lost"] == 0
    assert run.metrics["delivered"] == run.metrics["sent"]
    assert "leaked into other rooms:" in run.output
    assert run.code == 1


def test_a_relay_that_dies_leaves_what_was_measured(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """The run ends early, marked incomplete."""
    relay = faulty_relay("--die-after", "200")
    run = loadtest(relay.host, "--duration", "30")
    assert run.code == 2
    assert run.metrics["delivered"] > 100
    assert run.result["duration"] < 20
    assert "the server closed 4 connections: 1006 lost without a close frame" in run.output
    assert "INCOMPLETE  the run ended early: no connection was left" in run.output


def test_close_codes_are_reported_by_name(faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    """What a restarting relay says is what the user reads."""
    run = loadtest(faulty_relay("--close-after", "100").host, "--duration", "30")
    assert run.result["closed"] == {"1012 restarting": 4}
    assert 'INCOMPLETE  the server closed 4 connections: 1012 restarting ("go")' in run.output


@pytest.mark.parametrize(("option", "receivers"), [("--payload=64", 3), ("--echo", 4)])
def test_members_come_back_when_they_are_told_to(
    faulty_relay: StartRelay, loadtest: LoadTest, option: str, receivers: int
) -> None:
    """One account over both connections: nothing wanting is forgotten, nothing counts twice."""
    relay = faulty_relay("--close-after", "300")
    run = loadtest(
        relay.host, "--reconnect", "--require", "lost=1000,returned=4", "--duration", "3", option
    )
    assert run.result["returned"] == {"1012 restarting": 4}
    assert (run.result["closed"], run.says("INCOMPLETE")) == ({}, [])
    assert run.says("FAILED") == []
    assert run.metrics["sent"] > 400  # they went on sending
    assert run.metrics["delivered"] + run.wanting == receivers * run.metrics["sent"]
    assert run.wanting >= receivers  # the relay took that message and sent them away
    assert (run.metrics["repeated"], run.metrics["reordered"]) == (0, 0)
    assert 0 < run.metrics["away_p50"] <= run.metrics["away_max"]
    assert (
        'NOTE  4 connections came back after being closed with 1012 restarting ("go")' in run.output
    )


def test_members_try_again_until_they_are_let_in(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """Each handshake that failed is a failed connection, as ever."""
    relay = faulty_relay("--close-after", "100", "--refuse-returns", "0.4")
    run = loadtest(relay.host, "--reconnect", "--duration", "3")
    assert run.result["returned"] == {"1012 restarting": 4}
    assert run.result["closed"] == {}
    assert run.metrics["refused"] >= 4
    assert run.says("INCOMPLETE")[0].startswith("503 the server takes no more connections now")


def test_members_that_are_cut_off_before_the_start_come_back_before_it(
    faulty_relay: StartRelay, locust: LoadTest
) -> None:
    """Two join a second, the third is one too many: all are back when the sixth is there."""
    relay = faulty_relay("--close-at-join", "3")
    run = locust("loadtest/broadcast.py", relay.host, "-u", "6", "-r", "2", "-t", "5s",
        "--reconnect")  # fmt: skip
    assert run.result["returned"] == {"1012 restarting": 3}
    assert (run.metrics["lost"], run.metrics["missed"]) == (0, 0)
    assert run.metrics["delivered"] == 5 * run.metrics["sent"] > 100


def test_member_that_would_be_back_after_the_end_is_still_away(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """It counts once, as closed, and is owed what was said until then."""
    relay = faulty_relay("--close-after", "300", "--slow-returns", "1.5")
    run = loadtest(relay.host, "--reconnect", "--settle", "3")
    assert run.result["returned"] == {}
    assert run.result["closed"] == {"1012 restarting": 4}
    assert run.metrics["delivered"] + run.wanting == 3 * run.metrics["sent"]


def test_members_stay_away_when_coming_back_is_no_use(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """As for a client that broke a rule."""
    relay = faulty_relay("--close-after", "100", "--close-code", "1008")
    run = loadtest(relay.host, "--reconnect", "--duration", "30")
    assert run.result["closed"] == {"1008 rule broken": 4}
    assert run.result["returned"] == {}


def test_members_try_until_the_end_where_nobody_is_left_to_come_back_to(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """Each try that failed is counted, and each member that is still away."""
    relay = faulty_relay("--die-after", "200")
    run = loadtest(relay.host, "--reconnect", "--duration", "3")
    assert run.result["closed"] == {"1006 lost without a close frame": 4}
    assert run.metrics["refused"] >= 4
    assert run.code == 2


def test_members_that_are_never_welcomed_are_told(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """One of four used to go without a word, and the run passed with the others."""
    relay = faulty_relay("--close-at-join", "4", "--keep", "3", "--welcome")
    run = loadtest(relay.host, "--protocol", "relay.v1")
    assert run.metrics["refused"] == 1
    assert run.says("INCOMPLETE") == [
        'the connection ended before the welcome of relay.v1: 1012 restarting ("go") (1 connection)'
    ]


def test_churn_counts_the_hello_that_does_not_come_back(
    faulty_relay: StartRelay, locust: LoadTest
) -> None:
    """A visitor who waited in vain was owed its own message."""
    relay = faulty_relay("--lose-every", "1")
    run = locust("loadtest/churn.py", relay.host, "-u", "1", "-t", "6s", "--settle", "0.2")
    assert run.metrics["lost"] == run.metrics["sent"] == 2
    assert run.code == 1
