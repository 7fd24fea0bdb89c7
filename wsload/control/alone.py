"""The only process of a run."""

from collections.abc import Sequence
from secrets import randbelow

import gevent
from locust.env import Environment

from wsload.account.audit import audit
from wsload.account.order import disagreements
from wsload.account.payload import RUNS
from wsload.account.stalls import everywhere
from wsload.client.address import Address
from wsload.client.clock import CLOCK, host_identity, now
from wsload.control.control import Control
from wsload.control.judge import Judge
from wsload.run.options import Options
from wsload.run.recorder import Sample
from wsload.run.run import Run

_POLL = 0.05  # seconds between two looks at what is still missing, at least, and
_REST = 10  # times as long as a look takes


class Alone(Control):
    """Holds the connections and has the last word."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.judge = Judge(environment)

    def begin(self, options: Options, servers: Sequence[Address]) -> None:
        self.judge.open(options, servers[0])
        self.judge.on_rate = self._change_rate
        self.run = run = Run(
            options, servers, number=randbelow(RUNS), worker=0, scenarios=self.scenarios
        )
        run.lineup.on_assembled = self._assembled
        run.lineup.on_gone = self.judge.nobody_left
        if self.begins_at_once(options):
            self._assembled()
        self.start_clock()

    def _assembled(self) -> None:
        assert self.run is not None
        self.run.start()
        self.judge.begin(self.run.started)

    def _change_rate(self, scenario: str, rate: float) -> None:
        if self.run is not None:
            self.run.tempo.change(scenario, rate)

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
        sent = run.ledger.logs()
        while True:
            begun = now()
            books = run.books(with_sent=False)
            outcome.audit = audit([books], sent)
            if not outcome.audit.lost or not run.alive or now() >= deadline:
                break
            # What is still on its way needs the processor more than we do.
            gevent.sleep(max(_POLL, _REST * (now() - begun)))
        self.tick(int(now()))
        outcome.users = run.lineup.expected
        outcome.hosts = {host_identity()}
        outcome.failed, outcome.closed, outcome.reasons = self.failed, self.closed, run.reasons
        outcome.lagged, outcome.returned, outcome.behind = run.lagged, run.returned, run.behind
        outcome.unsent, outcome.blocked = run.unsent, run.blocked
        outcome.absences = [
            (entry["name"], away[0], away[1])
            for entry in books["entries"]
            for away in entry["away"]
        ]
        outcome.silences = everywhere([run.silences])
        outcome.clock_step = CLOCK.step
        if run.order is not None:
            outcome.disagreements = disagreements(run.order.steps())

    def conclude(self) -> None:
        self.judge.pronounce()

    def interrupt(self) -> None:
        self.judge.outcome.interrupted.append("the run was interrupted")
