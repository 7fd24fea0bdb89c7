"""Several Locust processes are one run: ledgers and histograms merge."""

import psutil

from tests.wsload.conftest import LoadTest, Process, StartRelay, Struck


def test_books_of_all_processes_are_audited_as_one(
    faulty_relay: StartRelay, locust: LoadTest, master: list[str]
) -> None:
    """Losses between members of different processes are counted exactly."""
    relay = faulty_relay("--lose-every", "100")
    run = locust("loadtest/broadcast.py", relay.host, "-u", "6", "-t", "6s",
        "--settle", "0.5", *master)  # fmt: skip
    assert run.result["generator"]["processes"] == 2
    assert run.result["users"] == 6
    assert run.metrics["lost"] == relay.faults()["lost"] > 5
    assert run.metrics["delivered"] + run.metrics["lost"] == 5 * run.metrics["sent"]
    assert run.code == 1


def test_processes_on_one_host_share_a_clock(
    relay: Process, locust: LoadTest, master: list[str]
) -> None:
    """So latencies are not marked; and the relay passes."""
    run = locust("loadtest/broadcast.py", relay.host, "-u", "4", "-t", "6s", *master)
    assert run.result["notes"] == []
    assert run.result["generator"]["hosts"] == 1
    assert run.metrics["lost"] == 0
    assert run.metrics["delivered"] == 3 * run.metrics["sent"] > 100


def test_members_of_all_processes_come_back(
    faulty_relay: StartRelay, locust: LoadTest, master: list[str]
) -> None:
    """What is wanting between members of different processes is counted all the same."""
    relay = faulty_relay("--close-after", "200")
    run = locust("loadtest/broadcast.py", relay.host, "-u", "6", "-t", "6s", "--reconnect",
        "--settle", "0.5", *master)  # fmt: skip
    assert run.result["returned"] == {"1012 restarting": 6}
    assert run.metrics["delivered"] + run.wanting == 5 * run.metrics["sent"] > 1000


def test_the_one_order_is_checked_over_all_processes(
    faulty_relay: StartRelay, locust: LoadTest, master: list[str]
) -> None:
    relay = faulty_relay("--cross-every", "50")
    run = locust("loadtest/broadcast.py", relay.host, "-u", "6", "-t", "6s", "--one-order",
        "--settle", "0.5", *master)  # fmt: skip
    assert run.result["generator"]["processes"] == 2
    assert 1 <= run.metrics["disordered"] <= relay.faults()["crossed"]


def test_interrupted_run_of_several_processes_is_told_as_it_was(
    real_relay: StartRelay, interrupted: LoadTest, master: list[str]
) -> None:
    """Ctrl-C reaches all processes of a terminal at once."""
    relay = real_relay()
    run = interrupted(
        relay, 20_000, "-m", "locust", "-f", "loadtest/broadcast.py", "--headless",
        "-u", "20", "-r", "20", "-t", "40s", "--interval", "20", "--host", relay.host, *master,
    )  # fmt: skip
    assert run.code == 2
    assert run.says("INCOMPLETE") == ["the run was interrupted"]
    assert run.result["generator"]["processes"] == 2
    assert run.metrics["delivered"] > 20_000
    assert run.metrics["lost"] == 0


def test_a_process_that_is_killed_makes_the_run_incomplete(
    real_relay: StartRelay, struck: Struck, master: list[str]
) -> None:
    """It used to pass: Locust had forgotten that worker by the end."""
    relay = real_relay()

    def kill_one(run: int) -> None:
        psutil.Process(run).children()[0].kill()

    run = struck(
        lambda: relay.deliveries() > 500, kill_one,
        "-m", "locust", "-f", "loadtest/broadcast.py", "--headless",
        "-u", "6", "-r", "20", "-t", "16s", "--interval", "50", "--host", relay.host, *master,
    )  # fmt: skip
    assert run.result["generator"]["processes"] == 1
    (gone,) = [sentence for sentence in run.says("INCOMPLETE") if sentence.startswith("worker ")]
    assert gone.endswith("is gone, with what it had measured")
    assert run.code == 2


def test_run_ends_when_no_process_has_a_connection(locust: LoadTest, master: list[str]) -> None:
    run = locust("loadtest/broadcast.py", "ws://127.0.0.1:1", "-u", "4", "-t", "60s", *master)
    assert run.code == 3
    assert "is the server running there? (4 connections)" in run.output
