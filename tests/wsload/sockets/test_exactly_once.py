"""Members that speak relay.v1: a network that cuts costs them time, and no message."""

from collections.abc import Callable

from tests.wsload.conftest import LoadTest, Process, StartRelay
from wsload.report.verdict import Word


def test_nothing_is_lost_missed_or_repeated_through_20_cuts(
    real_relay: StartRelay, start: Callable[..., Process], loadtest: LoadTest
) -> None:
    """Each cuts all members, wherever they are, in both directions; also before their welcome."""
    relay = real_relay(HISTORY_SIZE="16MB")  # enough for whoever is away for long on a busy machine
    proxy = start("-m", "tests.wsload.servers.cutting_proxy", str(relay.port), "--cuts", "20")
    outcome = loadtest(
        *(proxy.host, "--clients", "10", "--duration", "20", "--interval", "20", "--settle", "20"),
        *("--reconnect", "--protocol", "relay.v1"),
        *("--require", "lost=0,missed=0,repeated=0,reordered=0,unread=0"),
    )
    # A cut in the middle of a handshake is a failed connection, and the run incomplete.
    assert outcome.code in (Word.PASSED.exit_code, Word.INCOMPLETE.exit_code), outcome.output
    assert outcome.says("FAILED") == []
    assert outcome.metrics["delivered"] == 9 * outcome.metrics["sent"] > 1000
    # Of 10 members, 20 times at most; where a machine is busy a cut finds many still on their way.
    assert outcome.metrics["returned"] > 20, outcome.output


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
