"""A run as Locust tells it: begin, everybody has spawned, stop. `Control` is what every process
does; `Alone` is a single process, and `distributed` has the master and the worker.
"""

import socket
import sys
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from secrets import randbelow
from time import process_time
from typing import Any, NoReturn

import gevent
from locust.env import Environment

from wsload.account.audit import audit, sent_times
from wsload.account.payload import RUNS, now
from wsload.client.failures import ConnectFailed
from wsload.client.handshake import Target
from wsload.control import locust_table
from wsload.control.judge import Judge, end_run
from wsload.run import requirements
from wsload.run.options import BadOption, Options
from wsload.run.recorder import Sample
from wsload.run.run import Run

_POLL = 0.05  # seconds between two looks at what is still missing


class Control(ABC):
    """Keeps the `Run` of this process, and every second brings its counts to Locust."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.run: Run | None = None
        self.failed: Counter[str] = Counter()  # by sentence, since the run began
        self.closed: Counter[str] = Counter()  # by code, since the run began
        self._active = False
        self._clock_task: gevent.Greenlet | None = None
        self._used = (0.0, 0.0)  # seconds of CPU, and when that was
        events = environment.events
        events.test_start.add_listener(self._on_start)
        events.test_stopping.add_listener(self._on_stopping)
        events.test_stop.add_listener(self._on_stop)
        events.spawning_complete.add_listener(self._on_spawned)
        events.quitting.add_listener(self._on_quitting)

    @abstractmethod
    def begin(self, options: Options, target: Target) -> None:
        """Get ready for users."""

    @abstractmethod
    def deliver(self, samples: list[Sample], second: int, *, connections: int, cpu: float) -> None:
        """A second is over in this process."""

    @abstractmethod
    def settle(self) -> None:
        """Stop sending, wait for what is still missing, and close the books."""

    @abstractmethod
    def conclude(self) -> None:
        """Everybody has left: say what the run came to."""

    @abstractmethod
    def interrupt(self) -> None:
        """Somebody ends the run before its time."""

    def refuse(self, sentence: str) -> NoReturn:
        """A run that cannot even begin: say why, and end it before Locust spawns anybody."""
        self.environment.process_exit_code = 1
        sys.stdout.write(f"{sentence}\n")
        sys.stdout.flush()
        gevent.spawn(end_run, self.environment)
        raise gevent.GreenletExit  # the one exception that ends a greenlet without noise

    def start_clock(self) -> None:
        """From now on take the counts at every whole second."""
        self._used = (process_time(), now())
        self._clock_task = gevent.spawn(self._clock)

    def tick(self, second: int) -> None:
        """Take what was counted up to the end of `second`."""
        assert self.run is not None
        spent, (cpu, wall) = self._used, (process_time(), now())
        self._used = (cpu, wall)
        samples = self.run.recorder.take(second)
        stats = self.environment.stats
        locust_table.book(stats, samples)
        for (scenario, sentence), count in self.run.failed.items():
            locust_table.fail(stats, locust_table.CONNECT, scenario, sentence, count)
            self.failed[sentence] += count
        for (scenario, close), count in self.run.closed.items():
            locust_table.fail(
                stats, locust_table.RECEIVE, scenario, f"closed by the relay: {close}", count
            )
            self.closed[close] += count
        self.run.failed.clear()
        self.run.closed.clear()
        used = 100 * (cpu - spent[0]) / max(wall - spent[1], 1e-9)
        self.deliver(samples, second, connections=self.run.alive, cpu=used)

    def _clock(self) -> None:
        while True:
            second = int(now())
            gevent.sleep(second + 1 - now())
            self.tick(second)

    def _on_start(self, **_: Any) -> None:
        namespace = self.environment.parsed_options
        assert namespace is not None
        try:
            options = Options.of(namespace)
            requirements.read(options.require, options.require_file)
            target = Target.parse(self.environment.host or "", options.token, options.ca)
            target.context()
        except (BadOption, requirements.BadRequirement, ConnectFailed) as error:
            self.refuse(str(error))
        self.failed.clear()
        self.closed.clear()
        self.environment.process_exit_code = 1  # until the run has passed
        self.begin(options, target)
        self._active = True

    def _on_spawned(self, **_: Any) -> None:
        if self.run is not None:
            self.run.lineup.all_spawned()

    def _on_stopping(self, **_: Any) -> None:
        if self._active:
            self.settle()

    def _on_stop(self, **_: Any) -> None:
        if self._clock_task is not None:
            self._clock_task.kill()
            self._clock_task = None
        if self.run is not None:
            self.run.close()
            self.run = None
        if self._active:
            self._active = False
            self.conclude()

    def _on_quitting(self, **_: Any) -> None:
        """Ctrl-C while it runs: stop in order, so that what was measured is told."""
        if self._active and self.environment.runner is not None:
            self.interrupt()
            self.environment.runner.stop()


class Alone(Control):
    """The only process of a run."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.judge = Judge(environment)

    def begin(self, options: Options, target: Target) -> None:
        self.judge.open(options, target)
        self.run = run = Run(options, target, number=randbelow(RUNS), worker=0)
        run.lineup.on_assembled = self._assembled
        run.lineup.on_gone = self.judge.nobody_left
        if options.start == "ramp":
            self._assembled()
        self.start_clock()

    def _assembled(self) -> None:
        assert self.run is not None
        self.run.start()
        self.judge.outcome.begun = self.run.started

    def deliver(self, samples: list[Sample], second: int, *, connections: int, cpu: float) -> None:
        self.judge.outcome.series.add(samples)
        self.judge.outcome.series.note(second, "alone", connections=connections, cpu=cpu)
        self.judge.look(until=second + 1)

    def settle(self) -> None:
        assert self.run is not None
        run, outcome = self.run, self.judge.outcome
        run.hush()
        outcome.ended = run.hushed
        self.tick(int(now()))
        outcome.sending_ended()
        deadline = run.hushed + run.options.settle
        sent = sent_times([run.books()])
        while True:
            outcome.audit = audit([run.books(with_sent=False)], sent)
            if not outcome.audit.lost or not run.alive or now() >= deadline:
                break
            gevent.sleep(_POLL)
        self.tick(int(now()))
        outcome.users = run.lineup.expected
        outcome.hosts = {host_identity()}
        outcome.failed, outcome.closed = self.failed, self.closed
        outcome.lagged, outcome.returned = run.lagged, run.returned

    def conclude(self) -> None:
        self.judge.pronounce()

    def interrupt(self) -> None:
        self.judge.outcome.interrupted.append("the run was interrupted")


def host_identity() -> str:
    """The same for every process that shares our clock."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()
