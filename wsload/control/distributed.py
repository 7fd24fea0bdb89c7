"""A run on several Locust processes: workers hold the connections, the master has the last word.

worker                                    master
everybody here has joined, or failed  →   when all workers have said so: start, all at once
seconds, with Locust's own reports    →   added up
                                      ←   hush: stop sending, show your books
books                                 →   audited as one; asked again until nothing is missing
                                          or the settle time is over
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from secrets import randbelow
from typing import Any, TypedDict, cast

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from wsload.account.audit import audit, sent_times
from wsload.account.ledger import Books
from wsload.account.payload import RUNS, WORKERS, now
from wsload.client.handshake import Target
from wsload.control.control import Control, host_identity
from wsload.control.judge import Judge
from wsload.run.options import Options
from wsload.run.recorder import Sample
from wsload.run.run import Run

_ASSEMBLED, _START, _GONE = "relay-assembled", "relay-start", "relay-gone"
_HUSH, _BOOKS = "relay-hush", "relay-books"
_POLL = 0.25  # seconds between two looks at all books
_GRACE = 0.5  # seconds
_ANSWER = 10.0  # seconds that a worker has to show its books


class Note(TypedDict):
    """One second of one worker."""

    second: int
    samples: list[Sample]
    connections: int
    cpu: float


class Statement(TypedDict):
    """What a worker shows at the end."""

    books: Books
    notes: list[Note]
    started: float
    hushed: float
    users: int
    host: str
    failed: dict[str, int]
    closed: dict[str, int]
    lagged: dict[str, int]
    returned: dict[str, int]


class Worker(Control):
    """Holds connections and tells the master."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        runner = environment.runner
        assert isinstance(runner, WorkerRunner)
        self._runner = runner
        self._notes: list[Note] = []
        runner.register_message(_START, self._on_start_message)
        runner.register_message(_HUSH, self._on_hush)
        environment.events.report_to_master.add_listener(self._on_report)

    def begin(self, options: Options, target: Target) -> None:
        number = self.environment.parsed_options.relay_run_number  # type: ignore[union-attr]
        worker = self._runner.worker_index % WORKERS
        self._notes.clear()
        self.run = run = Run(options, target, number=number, worker=worker)
        run.lineup.on_assembled = self._tell_assembled
        run.lineup.on_gone = lambda: self._runner.send_message(_GONE)
        if options.start == "ramp":
            run.start()
        self.start_clock()

    def deliver(self, samples: list[Sample], second: int, *, connections: int, cpu: float) -> None:
        self._notes.append(
            {"second": second, "samples": samples, "connections": connections, "cpu": cpu}
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
        self._runner.send_message(_ASSEMBLED, {"senders": dict(self.run.senders)})

    def _on_start_message(self, msg: Any, **_: Any) -> None:
        if self.run is not None:
            self.run.start(msg.data["senders"])

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
            "users": run.lineup.expected,
            "host": host_identity(),
            "failed": dict(self.failed),
            "closed": dict(self.closed),
            "lagged": dict(run.lagged),
            "returned": dict(run.returned),
        }
        self._runner.send_message(_BOOKS, cast(dict[str, Any], statement))

    def _on_report(self, data: dict[str, Any], **_: Any) -> None:
        data["relay"], self._notes = self._notes, []


class Master(Control):
    """Holds no connection; starts, ends and judges what the workers do."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        runner = environment.runner
        assert isinstance(runner, MasterRunner)
        self._runner = runner
        self.judge = Judge(environment)
        self._senders: dict[str, dict[str, int]] = {}  # by worker that has assembled
        self._gone: set[str] = set()
        self._statements: dict[str, Statement] = {}
        self._last: dict[str, int] = {}  # by worker: the last second that is known of it
        self._awaited: set[str] = set()  # workers whose books are asked for
        self._shown = Event()
        runner.register_message(_ASSEMBLED, self._on_assembled)
        runner.register_message(_GONE, self._on_gone)
        runner.register_message(_BOOKS, self._on_books)
        environment.events.worker_report.add_listener(self._on_worker_report)

    def begin(self, options: Options, target: Target) -> None:
        # Travels to the workers with the other options.
        self.environment.parsed_options.relay_run_number = randbelow(RUNS)  # type: ignore[union-attr]
        for known in (self._senders, self._statements, self._last):
            known.clear()
        self._gone.clear()
        self.judge.open(options, target)
        if options.start == "ramp":
            self.judge.outcome.begun = now()

    def deliver(self, samples: list[Sample], second: int, *, connections: int, cpu: float) -> None:
        """Holds no connection, so nothing is ever counted here."""

    def settle(self) -> None:
        outcome = self.judge.outcome
        workers = {node.id for node in self._runner.clients.running + self._runner.clients.spawning}
        self._ask(workers, with_sent=True)
        outcome.sending_ended()
        deadline = now() + outcome.options.settle
        for worker in sorted(workers - self._statements.keys()):
            outcome.interrupted.append(f"worker {worker} is gone, with what it had measured")
        workers &= self._statements.keys()
        sent = sent_times([statement["books"] for statement in self._statements.values()])
        while True:
            statements = self._statements.values()
            outcome.audit = audit([statement["books"] for statement in statements], sent)
            if not outcome.audit.lost or not workers or now() >= deadline:
                break
            gevent.sleep(_POLL)
            self._ask(workers, with_sent=False)
        outcome.processes = len(statements)
        outcome.begun = max((statement["started"] for statement in statements), default=0.0)
        outcome.ended = min((statement["hushed"] for statement in statements), default=now())
        outcome.users = sum(statement["users"] for statement in statements)
        outcome.hosts = {statement["host"] for statement in statements}
        outcome.failed = _sum(statement["failed"] for statement in statements)
        outcome.closed = _sum(statement["closed"] for statement in statements)
        outcome.lagged = _sum(statement["lagged"] for statement in statements)
        outcome.returned = _sum(statement["returned"] for statement in statements)

    def conclude(self) -> None:
        self.judge.pronounce()

    def interrupt(self) -> None:
        self.judge.outcome.interrupted.append("the run was interrupted")

    def _ask(self, workers: set[str], *, with_sent: bool) -> None:
        """Have `workers` show their books, and wait for that."""
        self._awaited = set(workers)
        self._shown.clear()
        for worker in workers:
            self._runner.send_message(_HUSH, {"with_sent": with_sent}, worker)
        if workers:
            self._shown.wait(_ANSWER)

    def _on_assembled(self, msg: Any, **_: Any) -> None:
        self._senders[msg.node_id] = msg.data["senders"]
        if len(self._senders) < self._runner.worker_count or self.judge.outcome.begun:
            return
        self.judge.outcome.begun = now()
        self._runner.send_message(_START, {"senders": dict(_sum(self._senders.values()))})

    def _on_gone(self, msg: Any, **_: Any) -> None:
        self._gone.add(msg.node_id)
        if self._active and len(self._gone) >= self._runner.worker_count:
            self.judge.nobody_left()

    def _on_books(self, msg: Any, **_: Any) -> None:
        self._statements[msg.node_id] = msg.data
        self._add(msg.node_id, msg.data["notes"])
        self._awaited.discard(msg.node_id)
        if not self._awaited:
            self._shown.set()

    def _on_worker_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        if self._active:
            self._add(client_id, data.get("relay", []))

    def _add(self, worker: str, notes: list[Note]) -> None:
        series = self.judge.outcome.series
        for note in notes:
            series.add(note["samples"])
            series.note(note["second"], worker, connections=note["connections"], cpu=note["cpu"])
            self._last[worker] = note["second"]
        if len(self._last) >= self._runner.worker_count:
            self.judge.look(until=min(self._last.values()) + 1)


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total
