"""A run as Locust tells it: begin, everybody has spawned, stop. `Control` is what every process
does; `alone`, `master` and `worker` have what only theirs do.
"""

import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from time import process_time
from typing import Any, NoReturn

import gevent
from gevent.lock import BoundedSemaphore
from locust import User
from locust.env import Environment

from wsload.client.address import Address
from wsload.client.clock import CLOCK, now
from wsload.client.failures import ConnectFailed, sentence_of
from wsload.control import locust_table
from wsload.control.hosts import Hosts
from wsload.control.judge import end_run
from wsload.report.verdict import Word
from wsload.run import requirements
from wsload.run.options import BadOption, Options
from wsload.run.recorder import Sample
from wsload.run.run import Run


class Control(ABC):
    """Keeps the `Run` of this process, and every second brings its counts to Locust."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.run: Run | None = None
        self.failed: Counter[str] = Counter()  # by sentence, since the run began
        self.closed: Counter[str] = Counter()  # by code, since the run began
        self.hosts = Hosts(environment)
        self._active = False
        self._is_settled = False
        self._stopping = BoundedSemaphore(1)
        self._clock_task: gevent.Greenlet | None = None
        self._used = (0.0, 0.0)  # seconds of CPU, and when that was
        self._pinged = 0.0
        events = environment.events
        events.test_start.add_listener(self._on_start)
        events.test_stopping.add_listener(self._on_stopping)
        events.test_stop.add_listener(self._on_stop)
        events.spawning_complete.add_listener(self._on_spawned)
        events.quitting.add_listener(self._on_quitting)
        events.user_error.add_listener(self._on_user_error)

    @abstractmethod
    def begin(self, options: Options, servers: Sequence[Address]) -> None:
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
        self.environment.process_exit_code = Word.NOTHING_MEASURED.exit_code
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
        gevent.spawn(end_run, self.environment)
        raise gevent.GreenletExit  # the one exception that ends a greenlet without noise

    def start_clock(self) -> None:
        """From now on take the counts at every whole second."""
        self._used, self._pinged = (process_time(), now()), 0.0
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
            sentence = f"closed by the server: {close}"
            locust_table.fail(stats, locust_table.RECEIVE, scenario, sentence, count)
            self.closed[close] += count
        self.run.failed.clear()
        self.run.closed.clear()
        used = 100 * (cpu - spent[0]) / max(wall - spent[1], 1e-9)
        self.deliver(samples, second, connections=self.run.alive, cpu=used)

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Of all users that Locust may start, in an order that is the same in all processes."""
        kinds: list[Any] = list(self.environment.user_classes)
        kinds += (self.environment.available_user_classes or {}).values()
        return tuple(sorted({name for kind in kinds if (name := getattr(kind, "scenario", ""))}))

    def _clock(self) -> None:
        assert self.run is not None
        every = self.run.options.ping_every
        while True:
            second = int(now())
            gevent.sleep(second + 1 - now())
            self.tick(second)
            if every and now() >= self._pinged + every:
                self._pinged = now()
                self.run.ping()

    def _on_start(self, **_: Any) -> None:
        namespace = self.environment.parsed_options
        assert namespace is not None
        # Locust has filtered tasks by --tags: who has none left is not started.
        users = [kind for kind in self.environment.user_classes if kind.tasks]
        if not users:
            self.refuse("no user has a task with these tags: see --tags and --exclude-tags")
        self.environment.user_classes = users
        try:
            options = Options.of(namespace)
            requirements.read(options.require, options.require_file)
            options.tokens()
            servers = Address.parse_all(self.hosts.url())
            options.trust.context(servers[0].scheme)
        except (BadOption, requirements.BadRequirement, ConnectFailed) as error:
            self.refuse(str(error))
        if sentence := self.too_short(options):
            self.refuse(sentence)
        CLOCK.synchronise()
        self.failed.clear()
        self.closed.clear()
        # Until the run has passed.
        self.environment.process_exit_code = Word.NOTHING_MEASURED.exit_code
        self.begin(options, servers)
        self._active, self._is_settled = True, False

    def begins_at_once(self, options: Options) -> bool:
        """Whether a run begins before everybody has joined: it is to, or it waits for nobody."""
        kinds = self.environment.user_classes
        return options.start == "ramp" or not any(getattr(kind, "awaited", False) for kind in kinds)

    def too_short(self, options: Options) -> str:
        """Why a run would end before it sends anything; empty: it would not."""
        namespace = self.environment.parsed_options
        assert namespace is not None
        users, rate, seconds = namespace.num_users, namespace.spawn_rate, namespace.run_time
        if not (namespace.headless and users and seconds) or self.begins_at_once(options):
            return ""
        if not all(getattr(kind, "scheduled", False) for kind in self.environment.user_classes):
            return ""  # some send as they like
        needed = (users - 1) / (rate or 1)
        if needed < seconds:
            return ""
        return (
            f"nothing would be sent: {users:g} users at {rate or 1:g} a second take {needed:g} s "
            f"to join, and the run ends after {seconds:g} s; run longer (-t), spawn faster (-r), "
            "or have each send from its joining on (--start ramp)"
        )

    def _on_spawned(self, **_: Any) -> None:
        if self.run is not None:
            self.run.lineup.all_spawned()

    def _on_stopping(self, **_: Any) -> None:
        with self._stopping:  # Ctrl-C may come while a run settles, and stops it again
            if self._active and not self._is_settled:
                self._is_settled = True
                self.settle()
                self._stop_clock()  # how users end, with --stop-timeout slowly, is not measured

    def _on_stop(self, **_: Any) -> None:
        with self._stopping:  # nor may the process end before the verdict is out
            self._stop_clock()
            if self.run is not None:
                self.run.close()
                self.run = None
            if self._active:
                self._active = False
                self.conclude()

    def _stop_clock(self) -> None:
        if self._clock_task is not None:
            self._clock_task.kill()
            self._clock_task = None

    def _on_user_error(self, user_instance: Any, exception: Exception, **_: Any) -> None:
        """A task or an `on_start` has failed: that is the failure of an own request, unless the
        reason has been counted already. Locust logs it, and has no part in the verdict."""
        is_user = isinstance(user_instance, User)
        user: Any = user_instance if is_user else user_instance.user  # of a task set
        if self.run is None or not hasattr(user, "counted") or user.counted is exception:
            return
        self.run.recorder.failed(user.scenario, "task", sentence_of(exception))

    def _on_quitting(self, **_: Any) -> None:
        """Ctrl-C while it runs: stop in order, so that what was measured is told."""
        if self._active and self.environment.runner is not None:
            self.interrupt()
            self.environment.runner.stop()
