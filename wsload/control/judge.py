"""Whoever sees the whole run ends it when nothing is left to find out, says what it came to, writes
it down, and sets the exit code.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment

from wsload.account.audit import FAULTS
from wsload.client.address import Address, shown
from wsload.client.clock import now
from wsload.control import locust_table
from wsload.report import page, table
from wsload.report.outcome import Outcome
from wsload.report.result import result_of
from wsload.report.server import ServerProcess, loop_delays, relay_facts, slowed
from wsload.run import requirements
from wsload.run.climb import Climb
from wsload.run.options import Options
from wsload.run.series import Series


class Judge:
    """The judge of one run after another."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.outcome: Outcome
        self.result: dict[str, Any] = {}
        """Of the last run that was judged; empty: none was."""
        self.report: Path | None = None
        """Its page; none: it was not to be written."""
        self._address: Address
        self._facts_task: gevent.Greenlet[dict[str, Any]]
        self._slowed_task: gevent.Greenlet[int]
        self._server_task: gevent.Greenlet[None] | None = None
        self.on_second: Callable[[Series, int], None] | None = None
        """Told of every second that is over; none: nobody wants to know."""
        self.on_rate: Callable[[str, float], None] | None = None
        """Told which scenario a climb is of, and at which rate it goes on."""
        environment.events.reset_stats.add_listener(self._on_reset)
        environment.events.spawning_complete.add_listener(self._on_spawned)

    def open(self, options: Options, address: Address) -> None:
        """A run begins; of several servers `address` is the first, which is asked what it is."""
        users = [kind for kind in self._environment.user_classes if hasattr(kind, "scenario")]
        self.outcome = Outcome(
            options=options,
            limits=requirements.read(options.require, options.require_file),
            host=shown(self._environment.host or ""),
            scenarios=sorted({kind.scenario for kind in users}),
            settings=options.public(),
            climbing=next((kind.scenario for kind in users if getattr(kind, "climbs", False)), ""),
        )
        self._address = address
        # Not waited for: the run begins while the relay answers.
        context = options.trust.context(address.scheme)
        is_relay = any(getattr(kind, "relay", False) for kind in users)
        self._facts_task = gevent.spawn(lambda: relay_facts(address, context) if is_relay else {})
        self._slowed_task = gevent.spawn(lambda: slowed(address, context) if is_relay else 0)
        # Looking for it takes a while, in which nothing could be sent: so it is done now.
        process = ServerProcess(address)
        self._server_task = gevent.spawn(self._watch_server, process)
        if len(users) == 1:
            # What 0 stood for.
            for name in ("payload", "interval", "sender_every"):
                own = getattr(users[0], name, 0)
                self.outcome.settings[name] = self.outcome.settings[name] or own

    def begin(self, moment: float) -> None:
        """Senders begin at `moment`; the second time does nothing."""
        outcome = self.outcome
        if outcome.begun:
            return
        outcome.begun = moment
        if outcome.climbing and outcome.options.rate_max:
            outcome.climb = Climb(outcome.options, outcome.limits, moment)

    def look(self, *, until: int) -> None:
        """Every second before `until` is known now: is there anything left to find out?"""
        outcome = self.outcome
        if outcome.ended:
            return
        if self.on_second is not None:
            self.on_second(outcome.series, until - 1)
        if outcome.climb is None:
            return
        rate = outcome.climb.look(outcome.series, until)
        if outcome.climb.finished:
            self.end()
        elif rate is not None and self.on_rate is not None:
            self.on_rate(outcome.climbing, rate)

    def nobody_left(self) -> None:
        """Every connection is gone, or none ever was: end the run now."""
        if self.outcome.begun and self.outcome.audit.sent == 0 and not self.outcome.ended:
            self.outcome.interrupted.append("the run ended early: no connection was left")
        self.end()

    def end(self) -> None:
        """End the run, from whatever greenlet."""
        gevent.spawn(end_run, self._environment)

    def pronounce(self) -> None:
        """Say what the run came to, and write it down."""
        outcome, options = self.outcome, self._environment.parsed_options
        assert options is not None
        if self._server_task is not None:
            self._server_task.kill()
        outcome.server = self._facts_task.get()
        if outcome.server:
            context = outcome.options.trust.context(self._address.scheme)
            outcome.loop_delays = loop_delays(self._address, context)
            outcome.slowed = slowed(self._address, context) - self._slowed_task.get()
        outcome.others_failed = locust_table.others_failed(self._environment.stats)
        self.result = result = result_of(outcome)
        name = ", ".join(outcome.scenarios)
        for fault in FAULTS:
            if count := getattr(outcome.audit, fault):
                stats = self._environment.stats
                locust_table.fail(stats, locust_table.RECEIVE, name, fault, count)
        self._environment.process_exit_code = _exit_code(result, options.exit_code_on_error)
        # With Locust's --json its standard output is that document, and nothing else.
        out = sys.stderr if getattr(options, "json", False) else sys.stdout
        out.write("\n" + table.render(result) + "\n")
        self.report = None
        if folder := outcome.options.report:
            try:
                self.report = page.write(result, folder)
                out.write(f"report: {self.report}\n")
            except OSError as error:
                out.write(f"no report: cannot write into --report {folder}: {error.strerror}\n")
        out.flush()

    def _watch_server(self, process: ServerProcess) -> None:
        """Note every second what the server's process uses, where it is to be seen."""
        while True:
            second = int(now())
            gevent.sleep(second + 1 - now())
            self.outcome.series.seconds[second].server_cpu = process.percent()

    def _on_spawned(self, **_: Any) -> None:
        """Locust's --reset-stats resets now, and tells nobody."""
        if self._environment.reset_stats:
            self._on_reset()

    def _on_reset(self, **_: Any) -> None:
        if hasattr(self, "outcome") and not self.outcome.ended:
            self.outcome.resets.append(now())


def end_run(environment: Environment) -> None:
    """Stop the users, and Locust with them where nobody looks at a web page."""
    runner, options = environment.runner, environment.parsed_options
    assert runner is not None
    if options is not None and options.headless:
        runner.quit()
    else:
        runner.stop()


def _exit_code(result: dict[str, Any], on_error: int) -> int:
    """Of the process; what --exit-code-on-error says replaces 1 to 3."""
    code: int = result["exit_code"]
    return on_error if code and on_error != 1 else code
