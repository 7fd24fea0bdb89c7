"""Members that speak relay.v1: a network that cuts costs them time, and no message."""

from collections.abc import Callable

from tests.wsload.conftest import LoadTest, Process


def test_nothing_is_lost_missed_or_repeated_through_20_cuts(
    relay: Process, start: Callable[..., Process], loadtest: LoadTest
) -> None:
    """Each cuts all members, wherever they are, in both directions."""
    proxy = start("-m", "tests.wsload.servers.cutting_proxy", str(relay.port), "--cuts", "20")
    outcome = loadtest(
        *(proxy.host, "--duration", "20", "--interval", "20", "--settle", "20"),
        *("--reconnect", "--protocol", "relay.v1"),
        *("--require", "lost=0,missed=0,repeated=0,reordered=0,unread=0"),
    )
    assert outcome.code == 0, outcome.output
    assert outcome.metrics["returned"] >= 40, outcome.output  # of 4 members, 20 times
    assert outcome.metrics["delivered"] > 1000


def test_raw_members_miss_what_the_others_say_meanwhile(
    relay: Process, start: Callable[..., Process], loadtest: LoadTest
) -> None:
    """So the account would notice."""
    proxy = start("-m", "tests.wsload.servers.cutting_proxy", str(relay.port), "--cuts", "5")
    outcome = loadtest(
        *(proxy.host, "--duration", "5", "--interval", "20", "--reconnect"),
        *("--require", "missed=0,unread=0"),
    )
    assert outcome.code == 1, outcome.output


def test_an_unknown_protocol_is_refused(loadtest: LoadTest) -> None:
    """With those that there are."""
    outcome = loadtest("ws://127.0.0.1:1", "--protocol", "relay.v2")
    assert outcome.code == 2
    assert "invalid choice: 'relay.v2'" in outcome.output
