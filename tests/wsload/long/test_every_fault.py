"""A table of faults: each is found, counted exactly, and explained by its sentence.

What the server counted is the reference. `counts` names the metrics that have to be as large, and
all the others of `FAULTS` have to be 0.
"""

import re
from dataclasses import dataclass

import pytest

from tests.wsload.conftest import LoadTest, StartRelay
from wsload.account.audit import FAULTS

_CHANGED = "over the limit of 0 (their checksum does not match: the server changed them)"
_SHORT = "over the limit of 0 (they came shorter than they were sent)"
_LOST = "over the limit of 0 (they were owed and never came)"
_COPIES = "over the limit of 0 (they came more than once)"
_INVENTED = "over the limit of 0 (they bear this run's marks, and no member sent them)"


@dataclass(frozen=True, slots=True)
class Case:
    """A fault of single deliveries."""

    fault: str
    counts: tuple[str, ...]
    sentence: str
    verdict: str = "FAILED"
    note: str = ""


CASES = [
    Case("lose", ("lost",), _LOST),
    Case("repeat", ("repeated",), _COPIES),
    *(
        Case(f"flip-{part}", ("corrupted", "lost"), _CHANGED)
        for part in (
            "member", "room", "run", "number", "time", "length", "checksum", "body", "last",
        )
    ),
    Case(
        "cut-header", ("truncated", "lost"), _SHORT,
        note="shorter than the header of 28 bytes that each was sent with",
    ),
    Case("cut-body", ("truncated", "lost"), _SHORT),
    Case("cut-last", ("truncated", "lost"), _SHORT),
    Case("empty", ("truncated", "lost"), _SHORT),
    Case("lengthen", ("corrupted", "lost"), _CHANGED),
    Case("join", ("corrupted", "lost"), _CHANGED),
    Case("zero", ("corrupted", "lost"), _CHANGED),
    Case("as-text", ("lost",), _LOST, note="came as text, where binary was sent"),
    Case("add-text", (), "", "PASSED", note="came as text, where binary was sent"),
    Case("add-noise", ("corrupted",), _CHANGED),
    Case("forge-number", ("unexpected",), _INVENTED),
    Case("forge-member", ("unexpected",), _INVENTED),
    Case("forge-time", ("unexpected",), _INVENTED),
    Case("forge-run", (), "", "PASSED", note="came from others in the same rooms"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault)
def test_delivery(case: Case, faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    """One in twenty deliveries."""
    relay = faulty_relay("--fault", case.fault, "--every", "20")
    run = loadtest(relay.host, "--duration", "0.6", "--settle", "0.2", "--interval", "10")
    done = relay.faults()[case.fault]
    assert done >= 3
    assert run.result["verdict"] == case.verdict
    found = {name: run.metrics[name] for name in FAULTS}
    assert found == {name: done if name in case.counts else 0 for name in FAULTS}
    assert run.metrics["delivered"] + run.metrics["lost"] == 3 * run.metrics["sent"]
    assert run.metrics["max"] < 60_000
    assert case.sentence in " ".join(run.says("FAILED"))
    assert case.note in " ".join(run.result["notes"])
    if case.note:
        assert f"{done:,} message" in " ".join(run.result["notes"])


@pytest.mark.parametrize("scenario", ["broadcast", "audio"])
def test_receivers_that_disagree_on_the_order_of_two_senders(
    scenario: str, faulty_relay: StartRelay, locust: LoadTest
) -> None:
    """Each sender's own order is kept, so that nothing else shows it; whatever else is measured."""
    relay = faulty_relay("--cross-every", "50")
    options = ("-u", "10", "-t", "3s", "--interval", "5", "--one-order", "--settle", "0.5")
    run = locust(f"loadtest/{scenario}.py", relay.host, *options)
    assert relay.faults()["crossed"] >= 2
    assert 1 <= run.metrics["disordered"] <= relay.faults()["crossed"]
    assert run.metrics["reordered"] == 0
    assert "receivers saw the same messages in different orders" in " ".join(run.says("FAILED"))
    # Two of them, and what the receiver itself said in between.
    told = re.search(
        r"(\d+) messages in different orders, for example at load-", " ".join(run.result["notes"])
    )
    assert told and int(told[1]) >= 2


def test_one_order_is_kept_by_a_correct_server(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    run = loadtest(faulty_relay().host, "--one-order")
    assert run.metrics["disordered"] == 0
    assert run.code == 0, run.output


def test_what_came_long_ago_and_comes_again_is_repeated(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    relay = faulty_relay("--replay-every", "50")
    run = loadtest(relay.host)
    assert run.metrics["repeated"] == relay.faults()["replayed"] > 3
    assert run.metrics["lost"] == 0


def test_own_messages_that_nobody_asked_for_are_copies(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    run = loadtest(faulty_relay("--echo-always").host)
    assert run.metrics["repeated"] == run.metrics["sent"] > 0
    assert run.metrics["lost"] == 0


def test_a_stall_gets_a_sentence(faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    run = loadtest(faulty_relay("--stall-at", "300").host, "--duration", "3")
    assert "nothing arrived anywhere for 2." in " ".join(run.result["notes"])
    assert run.metrics["lost"] == 0


def test_a_server_that_no_longer_reads(faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    """What was accepted and not relayed is lost; what could not be sent is told."""
    run = loadtest(
        faulty_relay("--deaf-after", "20").host, "--settle", "0.2", "--payload", "500000",
        "--duration", "2",
    )  # fmt: skip
    assert run.result["verdict"] == "FAILED"
    assert run.metrics["lost"] > 0
    assert "were due and never sent: the server did not read" in " ".join(run.result["notes"])


def test_what_is_no_websocket_any_more(faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    run = loadtest(faulty_relay("--garbage-after", "50").host, "--duration", "20")
    assert run.code == 2
    assert run.result["closed"] == {"1002 protocol error": 4}


@pytest.mark.parametrize(
    ("code", "reason", "sentence"),
    [
        ("1012", "go", '1012 restarting ("go")'),
        ("1008", "not here", '1008 rule broken ("not here")'),
        ("4001", "backlog of 9 bytes", '4001 too slow ("backlog of 9 bytes")'),
        ("4999", "", "4999 unknown code"),
    ],
)
def test_closes_are_told_with_their_text(
    code: str, reason: str, sentence: str, faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """Some of the members: the others are owed what they say to each other."""
    relay = faulty_relay(
        "--close-after", "60", "--close-code", code, "--close-reason", reason, "--keep", "2"
    )
    run = loadtest(relay.host)
    assert run.says("INCOMPLETE") == [f"the server closed 2 connections: {sentence}"]
    assert run.metrics["delivered"] + run.wanting == run.metrics["owed"]


def test_slow_reading_that_was_the_generators_own(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """It reads 64 KB at a time, and there was always more."""
    relay = faulty_relay(
        "--close-after", "60", "--close-code", "4001", "--close-reason", "backlog", "--keep", "2"
    )
    run = loadtest(relay.host, "--payload", "300000", "--interval", "50", "--duration", "3")
    assert "INVALID" in run.output
    assert "for slow reading, and it was the generator that read slowly" in run.output
