"""Whoever sees the whole run judges it: ends it when nothing is left to find out, says what it came
to, writes it down, and sets the exit code.
"""

import sys
from collections.abc import Callable
from typing import Any

import gevent
from locust.env import Environment

from wsload.client.handshake import Target
from wsload.control import locust_table
from wsload.report import page, table
from wsload.report.health import relay_facts
from wsload.report.result import Outcome, result_of
from wsload.run import requirements
from wsload.run.climb import climbed, finished
from wsload.run.options import Options
from wsload.run.series import Series


class Judge:
    """The judge of one run after another."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.outcome: Outcome
        self._facts_task: gevent.Greenlet[dict[str, Any]]
        self.on_second: Callable[[Series, int], None] | None = None
        """Told of every second that is over; none: nobody wants to know."""

    def open(self, options: Options, target: Target) -> None:
        """A run begins."""
        self.outcome = Outcome(
            options=options,
            limits=requirements.read(options.require, options.require_file),
            host=self._environment.host or "",
            scenarios=sorted({user.scenario for user in self._environment.user_classes}),  # type: ignore[attr-defined]
            settings=options.public(),
        )
        # Not waited for: the run begins while the relay answers.
        self._facts_task = gevent.spawn(relay_facts, target)
        users = self._environment.user_classes
        if len(users) == 1:
            # What 0 stood for.
            for name in ("payload", "interval", "sender_every"):
                self.outcome.settings[name] = self.outcome.settings[name] or getattr(users[0], name)

    def look(self, *, until: int) -> None:
        """Every second before `until` is known now: is there anything left to find out?"""
        outcome = self.outcome
        if outcome.ended:
            return
        if self.on_second is not None:
            self.on_second(outcome.series, until - 1)
        if not outcome.begun or "steady" not in outcome.scenarios or not outcome.options.rate_max:
            return
        steps = climbed(outcome.options, outcome.limits, outcome.series, outcome.begun, until)
        if finished(outcome.options, steps):
            self.end()

    def nobody_left(self) -> None:
        """Every connection is gone, or none ever was: end the run now."""
        if self.outcome.begun:
            self.outcome.interrupted.append("the run ended early: no connection was left")
        self.end()

    def end(self) -> None:
        """End the run, from whatever greenlet."""
        gevent.spawn(end_run, self._environment)

    def pronounce(self) -> None:
        """Say what the run came to, and write it down."""
        outcome = self.outcome
        outcome.relay = self._facts_task.get()
        result = result_of(outcome)
        name = ", ".join(outcome.scenarios)
        for what, count in (
            ("lost", outcome.audit.lost),
            ("repeated", outcome.audit.repeated),
            ("reordered", outcome.audit.reordered),
            ("leaked into another room", outcome.audit.leaked),
        ):
            if count:
                locust_table.fail(self._environment.stats, locust_table.RECEIVE, name, what, count)
        self._environment.process_exit_code = 0 if result["passed"] else 1
        sys.stdout.write("\n" + table.render(result) + "\n")
        if outcome.options.report:
            sys.stdout.write(f"report: {page.write(result, outcome.options.report)}\n")
        sys.stdout.flush()


def end_run(environment: Environment) -> None:
    """Stop the users, and Locust with them where nobody looks at a web page."""
    runner, options = environment.runner, environment.parsed_options
    assert runner is not None
    if options is not None and options.headless:
        runner.quit()
    else:
        runner.stop()
