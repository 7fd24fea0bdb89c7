"""What users of Locust expect of a scenario, whoever wrote it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.wsload.conftest import ROOT, LoadTest, Process, StartRelay

_SECRET = "a secret that is long enough for HS256"


def test_json_is_printed_alone(relay: Process, tmp_path: Path) -> None:
    """Table and verdict go to the standard error."""
    run = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "loadtest/broadcast.py", "--headless", "--json",
         "-u", "3", "-r", "100", "-t", "4s", "--host", relay.host, "--report", str(tmp_path)],
        cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert {entry["method"] for entry in json.loads(run.stdout)} >= {"WS connect", "WS receive"}
    assert "PASSED" in run.stderr


def test_options_come_from_the_environment(relay: Process, loadtest: LoadTest) -> None:
    run = loadtest(relay.host, LOCUST_ROOMS="2", LOCUST_REQUIRE="p99=0.001", LOCUST_ECHO="true")
    assert run.result["settings"]["rooms"] == 2
    assert run.result["settings"]["echo"] is True
    assert run.result["checks"][-1]["name"] == "p99"


def test_a_run_that_is_too_short_says_so_before_it_starts(locust: LoadTest, relay: Process) -> None:
    run = locust("loadtest/broadcast.py", relay.host, "-u", "20", "-r", "2", "-t", "5s")
    assert run.code == 3
    assert (
        "nothing would be sent: 20 users at 2 a second take 9.5 s to join, and the run ends after "
        "5 s; run longer (-t), spawn faster (-r)"
    ) in run.output
    assert "Ramping" not in run.output
    assert run.result == {}


def test_tags_choose_scenarios(locust: LoadTest, relay: Process) -> None:
    run = locust("loadtest", relay.host, "-u", "4", "-t", "4s", "--tags", "broadcast")
    assert run.result["scenarios"] == ["broadcast"]
    assert run.result["users"] == 4
    assert run.metrics["delivered"] == 3 * run.metrics["sent"] > 100
    nothing = locust("loadtest", relay.host, "-u", "4", "-t", "4s", "--tags", "nothing")
    assert nothing.code == 3
    assert "no user has a task with these tags" in nothing.output


def test_exit_code_on_error_has_the_last_word(relay: Process, locust: LoadTest) -> None:
    run = locust("loadtest/broadcast.py", relay.host, "-u", "2", "-t", "3s",
        "--require", "p50=0.001", "--exit-code-on-error", "77")  # fmt: skip
    assert run.code == 77


def test_other_users_beside_ours_are_counted_as_they_are(
    relay: Process, locust: LoadTest, tmp_path: Path
) -> None:
    """Some by schedule, some with tasks, one that knows nothing of WebSockets."""
    (file := tmp_path / "mixed.py").write_text(
        """
from locust import User, constant, task
from loadtest.broadcast import Broadcast
from wsload.user import WebSocketUser


class Plain(User):
    fixed_count = 1
    wait_time = constant(0.1)

    @task
    def nothing(self):
        pass


class Visitor(WebSocketUser):
    fixed_count = 1
    wait_time = constant(0.2)

    def on_start(self):
        self.connect(f"/ws/{self.name}", {"room": "lobby", "echo": "1"})

    @task
    def say(self):
        self.call("hello", "hello", name="say")


class Talker(Broadcast):
    fixed_count = 3
    interval = 50
"""
    )
    run = locust(str(file), relay.host, "-u", "5", "-t", "4s", PYTHONPATH=str(ROOT))
    assert run.result["users_by_scenario"] == {"talker": 3, "visitor": 1}
    assert run.metrics["delivered"] == 2 * run.metrics["sent"] > 50
    assert run.metrics["requests"] > 5
    assert run.code == 0, run.output


def test_tasks_that_fail_are_part_of_the_verdict(
    relay: Process, locust: LoadTest, tmp_path: Path
) -> None:
    """Locust logs them and goes on, and such a run passed. What `call` has counted counts once."""
    (file := tmp_path / "failing.py").write_text(
        """
from contextlib import suppress

import gevent
from locust import constant, task
from wsload.user import WebSocketUser


class Visitor(WebSocketUser):
    wait_time = constant(0.1)

    def on_start(self):
        self.connect(f"/ws/{self.name}", {"room": "lobby", "echo": "1"})

    @task
    def say(self):
        self.call("hello", "hello", name="say")
        {}["missing"]

    @task
    def ask(self):
        self.call("hello", "something else", 0.1, name="ask")

    @task
    def wait_in_vain(self):
        with suppress(gevent.Timeout), self.own_request("slow"), gevent.Timeout(0.05):
            gevent.sleep(5)
"""
    )
    run = locust(str(file), relay.host, "-u", "2", "-t", "4s", fails=True)
    requests = {request["name"]: request for request in run.result["requests"]}
    assert requests["task"]["failures"] == {"KeyError: 'missing'": requests["task"]["failed"]}
    assert requests["task"]["failed"] == requests["say"]["answered"] > 3
    assert requests["ask"]["failed"] > 3
    assert requests["slow"]["failed"] > 3
    assert run.metrics["request_failures"] == sum(each["failed"] for each in requests.values())
    assert run.says("FAILED")[0].startswith("own requests that failed:")
    assert run.code == 1


def test_a_user_that_cannot_start_is_not_waited_for(
    relay: Process, locust: LoadTest, tmp_path: Path
) -> None:
    """The others begin. They used to wait until the run was over, and sent nothing."""
    (file := tmp_path / "one_fails.py").write_text(
        """
from locust import task
from wsload.room import RoomUser


class Player(RoomUser):
    interval = 50

    def on_start(self):
        if self.seat.place == 1:
            raise RuntimeError("no ticket")
        self.join()
        self.send_on_schedule(self.member)

    @task
    def stay(self):
        self.member.connection.closed.wait()
"""
    )
    run = locust(str(file), relay.host, "-u", "3", "-t", "4s", fails=True)
    assert run.metrics["delivered"] == run.metrics["sent"] > 50
    (request,) = run.result["requests"]
    assert request["failures"] == {"RuntimeError: no ticket": 1}
    assert run.code == 1


def test_a_scenario_of_ones_own_can_climb(relay: Process, locust: LoadTest, tmp_path: Path) -> None:
    """Only one that was called `steady` did."""
    (file := tmp_path / "mine.py").write_text(
        """
from loadtest import steady


class Mine(steady.Steady):
    payload = 64
"""
    )
    run = locust(
        str(file), relay.host, "-u", "4", "-t", "30s", "--rate", "50", "--rate-max", "60",
        "--rate-step", "2", "--late", "60000", PYTHONPATH=str(ROOT),
    )  # fmt: skip
    assert {step["rate"] for step in run.result["steps"]} == {50, 60}
    assert run.result["duration"] < 25


def test_what_fails_after_the_end_is_not_measured(
    relay: Process, locust: LoadTest, tmp_path: Path
) -> None:
    """With --stop-timeout tasks go on until they are done, and others have left by then."""
    (file := tmp_path / "waiting.py").write_text(
        """
from contextlib import suppress

from gevent import sleep
from locust import task
from wsload.client.failures import NoAnswer
from wsload.user import WebSocketUser


class Visitor(WebSocketUser):
    def on_start(self):
        self.connect(f"/ws/{self.name}", {"room": "lobby", "echo": "1"})

    @task
    def say(self):
        self.call("hello", "hello", name="say")
        sleep(0.2)
        if self.load.hushed:
            with suppress(NoAnswer):
                self.call("hello", "never", 0.1, name="too late")
            sleep(2)
"""
    )
    run = locust(str(file), relay.host, "-u", "2", "-t", "3s", "--stop-timeout", "8")
    assert [request["name"] for request in run.result["requests"]] == ["say"]
    assert run.code == 0, run.output


def test_requests_of_other_users_that_fail_are_not_passed_over(
    relay: Process, locust: LoadTest, tmp_path: Path
) -> None:
    """Locust alone would end with 1."""
    (file := tmp_path / "mixed.py").write_text(
        """
from locust import User, constant, task
from loadtest.broadcast import Broadcast


class Plain(User):
    fixed_count = 1
    wait_time = constant(0.5)

    @task
    def get(self):
        self.environment.events.request.fire(
            request_type="GET", name="/", response_time=1.0, response_length=0,
            exception=OSError("no"), context={},
        )


class Talker(Broadcast):
    fixed_count = 2
    interval = 50
"""
    )
    run = locust(str(file), relay.host, "-u", "3", "-t", "4s", PYTHONPATH=str(ROOT))
    (sentence,) = run.says("FAILED")
    assert "requests of other users failed: see Locust's own table" in sentence
    assert run.code == 1


def test_nothing_shows_a_secret_of_the_address(
    faulty_relay: StartRelay, locust: LoadTest, tmp_path: Path
) -> None:
    """Not the table, not a result, not its page, not Locust's own."""
    relay = faulty_relay()
    html = tmp_path / "locust.html"
    url = relay.host.replace("ws://", "ws://me:s3cret@") + "/?token=s3cret"
    run = locust("loadtest/broadcast.py", url, "-u", "2", "-t", "3s", "--html", str(html))
    assert run.metrics["delivered"] > 0
    for text in (run.output, *(file.read_text() for file in tmp_path.iterdir())):
        assert "s3cret" not in text


def test_every_user_has_a_token_of_its_own(real_relay: StartRelay, loadtest: LoadTest) -> None:
    """Minted from the secret; one for all would not do, the relay wants the name in it."""
    relay = real_relay(JWT_SECRET=_SECRET)
    run = loadtest(relay.host, JWT_SECRET=_SECRET)
    assert run.metrics["delivered"] == 3 * run.metrics["sent"] > 100
    assert run.code == 0, run.output
    assert _SECRET not in json.dumps(run.result)


def test_a_reset_of_the_statistics_is_told(relay: Process, locust: LoadTest) -> None:
    run = locust("loadtest/broadcast.py", relay.host, "-u", "4", "-r", "2", "-t", "6s",
        "--reset-stats", "--start", "ramp")  # fmt: skip
    assert run.metrics["delivered"] > 0
    (note,) = [note for note in run.result["notes"] if note.startswith("Locust's statistics")]
    assert note.endswith("its tables count from then on, this result counts the whole run")
