"""What a server tells of itself is not believed either: nothing of it may cost the verdict."""

import pytest

from tests.wsload.servers.answering import Answering
from wsload.report.server import loop_delays, relay_facts, slowed


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x00\xff garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
     b"HTTP/1.1 200 OK\r\n\r\n[]", b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000],
    ids=["nothing", "garbage", "half", "a list", "deep"],
)  # fmt: skip
def test_an_answer_that_is_none_tells_nothing(answering: Answering, answer: bytes) -> None:
    """Garbage used to end the run without its verdict."""
    answering.answer = answer
    assert relay_facts(answering.address, None) == {}
    assert slowed(answering.address, None) == 0
    assert loop_delays(answering.address, None) == {}


def test_facts_of_the_wrong_kind_are_left_out(answering: Answering) -> None:
    answering.tells({"version": "1.0", "commit": {"a": 1}, "totals": {"slowed": None}})
    assert relay_facts(answering.address, None) == {"version": "1.0"}
    assert slowed(answering.address, None) == 0
    infinity = {"fields": ["time", "loop_delay"], "samples": [[float("inf"), 1.0]]}
    answering.tells(infinity)
    assert loop_delays(answering.address, None) == {}
