"""The scenarios of docs/loadtest.md that people are shown how to write, each as it stands there."""

import re
from pathlib import Path

import pytest

from tests.wsload.conftest import ROOT, LoadTest, Process, StartProcess, StartRelay

_DOCUMENT = (ROOT / "docs" / "loadtest.md").read_text()


@pytest.fixture
def scenario(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The file of the document with the name that the test asks for."""
    for block in re.findall(r"```python\n(.*?)```", _DOCUMENT, re.DOTALL):
        if block.startswith(f"# {request.param}\n"):
            (file := tmp_path / request.param).write_text(block)
            return str(file)
    raise AssertionError(f"docs/loadtest.md shows no {request.param}")


@pytest.fixture
def chat_server(start: StartProcess) -> Process:
    return start("-m", "tests.wsload.servers.chat_server")


@pytest.mark.parametrize("scenario", ["game.py"], indirect=True)
def test_game(scenario: str, relay: Process, locust: LoadTest) -> None:
    """Positions are accounted for, and each question about the score has had an answer."""
    run = locust(scenario, relay.host, "-u", "16", "-t", "5s", "--rooms", "2")
    assert run.metrics["delivered"] == 7 * run.metrics["sent"] > 1000
    assert run.metrics["requests"] > 5
    assert run.metrics["request_failures"] == 0
    assert [request["name"] for request in run.result["requests"]] == ["score"]
    assert "WS call     score" in run.output
    assert run.result["server"]["version"]
    assert run.code == 0, run.output


@pytest.mark.parametrize("scenario", ["chat.py"], indirect=True)
def test_chat_with_think_time(scenario: str, relay: Process, locust: LoadTest) -> None:
    """Whoever is there first may speak before the others have come: they are owed none of it."""
    run = locust(scenario, relay.host, "-u", "5", "-t", "5s")
    assert 20 < run.metrics["delivered"] <= 4 * run.metrics["sent"]
    assert run.metrics["lost"] == 0
    assert run.code == 0, run.output


def test_who_waits_for_nobody_begins_at_once(
    relay: Process, locust: LoadTest, tmp_path: Path
) -> None:
    """However slowly the others come: it was refused as too short, and had no time of its own."""
    (file := tmp_path / "visitor.py").write_text(
        """
from locust import constant, task
from wsload.user import WebSocketUser


class Visitor(WebSocketUser):
    wait_time = constant(0.2)

    def on_start(self):
        self.connect(f"/ws/{self.name}", {"room": "lobby", "echo": "1"})

    @task
    def say(self):
        self.call("hello", "hello", name="say")
"""
    )
    run = locust(str(file), relay.host, "-u", "20", "-r", "1", "-t", "4s")
    assert run.metrics["requests"] > 10
    assert run.result["duration"] > 3
    assert run.code == 0, run.output


@pytest.mark.parametrize("scenario", ["chat.py"], indirect=True)
def test_nothing_is_said_while_a_run_waits_for_what_is_missing(
    scenario: str, faulty_relay: StartRelay, locust: LoadTest
) -> None:
    """It used to be counted as sent by nobody: the senders' logs had been read by then."""
    relay = faulty_relay("--delay-message-every", "3", "--delay", "1")
    run = locust(scenario, relay.host, "-u", "5", "-t", "4s", "--require", "reordered=10000")
    assert (run.metrics["unexpected"], run.metrics["lost"]) == (0, 0)
    assert run.metrics["sent"] == relay.faults()["messages"] > 20
    assert run.code == 0, run.output


@pytest.mark.parametrize("scenario", ["foreign.py"], indirect=True)
def test_a_server_that_is_not_this_relay(
    scenario: str, chat_server: Process, locust: LoadTest
) -> None:
    """Login, subprotocol, rooms by message, JSON, compression; nobody asks it for /health."""
    run = locust(scenario, chat_server.host, "-u", "6", "-t", "5s", "--compression",
        "--ping-every", "1", "--require", "request_p99=10000,ping_p99=10000")  # fmt: skip
    assert run.metrics["delivered"] == 5 * run.metrics["sent"] > 100
    assert run.metrics["requests"] >= 12
    assert run.result["server"] == {}
    assert run.metrics["ping_p50"] > 0
    assert run.code == 0, run.output


@pytest.mark.parametrize("scenario", ["foreign.py"], indirect=True)
def test_a_decode_that_fails_is_the_scenarios_failure(
    scenario: str, chat_server: Process, locust: LoadTest
) -> None:
    """Not the server's: `1002 protocol error` was what it was said to have done."""
    file = Path(scenario)
    file.write_text(file.read_text().replace('told["type"] == "said"', 'told["kind"] == "said"'))
    run = locust(scenario, chat_server.host, "-u", "2", "-t", "4s")
    assert run.result["closed"] == {}
    requests = {request["name"]: request for request in run.result["requests"]}
    assert requests["receive"]["failures"] == {"KeyError: 'kind'": requests["receive"]["failed"]}
    assert requests["who"]["answered"] > 2  # it goes on: what cannot be decoded is in the mailbox
    assert run.code == 1


@pytest.mark.parametrize("scenario", ["foreign.py"], indirect=True)
def test_a_requirement_on_own_requests(
    scenario: str, chat_server: Process, locust: LoadTest
) -> None:
    run = locust(scenario, chat_server.host, "-u", "2", "-t", "4s", "--require", "request_p50=0.01")
    assert run.code == 1
    assert "p50 of own requests:" in run.says("FAILED")[0]
