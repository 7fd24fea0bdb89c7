"""One of several processes of a run: it holds connections and tells the master."""

from collections.abc import Sequence
from typing import Any, cast

import gevent
from locust.env import Environment
from locust.runners import WorkerRunner

from wsload.account.payload import WORKERS
from wsload.client.address import Address
from wsload.client.clock import CLOCK, host_identity, now
from wsload.control.control import Control
from wsload.control.statement import ASSEMBLED, BOOKS, GONE, HUSH, START, TEMPO, Note, Statement
from wsload.run.options import Options
from wsload.run.recorder import Sample
from wsload.run.run import Run

_GRACE = 0.5  # seconds


class Worker(Control):
    """Holds connections and tells the master."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        runner = environment.runner
        assert isinstance(runner, WorkerRunner)
        self._runner = runner
        self._notes: list[Note] = []
        runner.register_message(START, self._on_start_message)
        runner.register_message(TEMPO, self._on_tempo)
        runner.register_message(HUSH, self._on_hush)
        environment.events.report_to_master.add_listener(self._on_report)

    def begin(self, options: Options, servers: Sequence[Address]) -> None:
        told: Any = self.environment.parsed_options
        host, offset = told.load_clock
        if host == host_identity():
            CLOCK.offset = offset  # one clock per host
        self._notes.clear()
        self.run = run = Run(
            options,
            servers,
            number=told.load_number,
            worker=self._runner.worker_index % WORKERS,
            scenarios=tuple(told.load_scenarios),
        )
        run.lineup.on_assembled = self._tell_assembled
        run.lineup.on_gone = self._tell_gone
        if told.load_at_once:
            run.start()
        self.start_clock()

    def deliver(self, samples: list[Sample], second: int, *, connections: int, cpu: float) -> None:
        assert self.run is not None
        self._notes.append(
            {
                "second": second,
                "samples": samples,
                "connections": connections,
                "cpu": cpu,
                "senders": dict(self.run.tempo.local),
            }
        )

    def settle(self) -> None:
        """The master has seen the books by now."""
        assert self.run is not None
        self.run.hush()

    def conclude(self) -> None:
        """The master has the word, and the exit code that says it."""
        self.environment.process_exit_code = 0

    def interrupt(self) -> None:
        """Somebody ends this process: the master gets what there is."""
        assert self.run is not None
        self.run.hush()
        # Ctrl-C reaches all processes of a terminal at once, and what they sent is on its way.
        gevent.sleep(_GRACE)
        if self.run is not None:  # else the master, interrupted as well, has seen the books
            self._show(with_sent=True)

    def _tell_assembled(self) -> None:
        assert self.run is not None
        users = self.run.lineup.expected.total()
        senders = dict(self.run.tempo.local)
        self._runner.send_message(ASSEMBLED, {"users": users, "senders": senders})

    def _tell_gone(self) -> None:
        assert self.run is not None
        self._runner.send_message(GONE, {"users": self.run.lineup.expected.total()})

    def _on_start_message(self, msg: Any, **_: Any) -> None:
        if self.run is not None:
            self.run.start(msg.data["senders"])

    def _on_tempo(self, msg: Any, **_: Any) -> None:
        if self.run is not None:
            self.run.tempo.tell(msg.data["senders"])
            if msg.data["rate"]:
                self.run.tempo.change(msg.data["climbing"], msg.data["rate"])

    def _on_hush(self, msg: Any, **_: Any) -> None:
        if self.run is not None:
            self._show(with_sent=msg.data["with_sent"])

    def _show(self, *, with_sent: bool) -> None:
        assert self.run is not None
        run = self.run
        run.hush()
        self.tick(int(now()))
        notes, self._notes = self._notes, []
        statement: Statement = {
            "books": run.books(with_sent=with_sent),
            "notes": notes,
            "started": run.started,
            "hushed": run.hushed,
            "users": dict(run.lineup.expected),
            "host": host_identity(),
            "clock_step": CLOCK.step,
            "failed": dict(self.failed),
            "closed": dict(self.closed),
            "reasons": [(code, text, count) for (code, text), count in run.reasons.items()],
            "lagged": dict(run.lagged),
            "returned": dict(run.returned),
            "behind": run.behind,
            "unsent": run.unsent,
            "blocked": run.blocked,
            "silences": [(*silence,) for silence in run.silences],
            "steps": run.order.steps() if run.order is not None else [],
        }
        self._runner.send_message(BOOKS, cast(dict[str, Any], statement))

    def _on_report(self, data: dict[str, Any], **_: Any) -> None:
        data["load"], self._notes = self._notes, []
