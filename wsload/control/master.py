"""The process that holds no connection: it starts, ends and judges what the workers do."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from secrets import randbelow
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import MasterRunner

from wsload.account.audit import audit, gather
from wsload.account.order import disagreements
from wsload.account.payload import RUNS
from wsload.account.stalls import Silence, everywhere
from wsload.client.address import Address
from wsload.client.clock import CLOCK, host_identity, now
from wsload.control.control import Control
from wsload.control.judge import Judge
from wsload.control.statement import ASSEMBLED, BOOKS, GONE, HUSH, START, TEMPO, Note, Statement
from wsload.run.options import Options
from wsload.run.recorder import Sample

_POLL = 0.25  # seconds between two looks at all books
_ANSWER = 10.0  # seconds that a worker has to show its books


class Master(Control):
    """Holds no connection; starts, ends and judges what the workers do."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        runner = environment.runner
        assert isinstance(runner, MasterRunner)
        self._runner = runner
        self.judge = Judge(environment)
        self._senders: dict[str, dict[str, int]] = {}  # by worker that has assembled
        self._told: tuple[dict[str, int], float] = ({}, 0.0)  # senders and rate
        self._climbing, self._rate = "", 0.0  # scenario and rate of a climb; 0: there is none
        self._assembled: dict[str, int] = {}  # by worker: users that have joined, or failed to
        self._gone: dict[str, int] = {}  # by worker that has nobody left: users that it had
        self._statements: dict[str, Statement] = {}
        self._last: dict[str, int] = {}  # by worker: the last second that is known of it
        self._awaited: set[str] = set()  # workers whose books are asked for
        self._shown = Event()
        runner.register_message(ASSEMBLED, self._on_assembled)
        runner.register_message(GONE, self._on_gone)
        runner.register_message(BOOKS, self._on_books)
        environment.events.worker_report.add_listener(self._on_worker_report)

    def begin(self, options: Options, servers: Sequence[Address]) -> None:
        # Travels to the workers with the other options.
        told: Any = self.environment.parsed_options
        told.load_number = randbelow(RUNS)
        told.load_scenarios = list(self.scenarios)
        told.load_clock = (host_identity(), CLOCK.offset)
        told.load_url = self.hosts.url()
        told.load_at_once = self.begins_at_once(options)
        for known in (self._senders, self._statements, self._last, self._assembled, self._gone):
            known.clear()
        self._told, self._rate = ({}, 0.0), 0.0
        self.judge.open(options, servers[0])
        self.judge.on_rate = self._change_rate
        if told.load_at_once:
            self.judge.begin(now())

    def deliver(self, samples: list[Sample], second: int, *, connections: int, cpu: float) -> None:
        """Holds no connection, so nothing is ever counted here."""

    def settle(self) -> None:
        outcome = self.judge.outcome
        workers = self._present
        self._ask(workers, with_sent=True)
        outcome.sending_ended()
        deadline = now() + outcome.options.settle
        # Also of those that Locust has given up since.
        took_part = workers | self._assembled.keys() | self._last.keys()
        for worker in sorted(took_part - self._statements.keys()):
            outcome.interrupted.append(f"worker {worker} is gone, with what it had measured")
        workers &= self._statements.keys()
        sent = gather([statement["books"] for statement in self._statements.values()])
        for statement in self._statements.values():
            statement["books"]["sent"] = {}  # once is enough
        while True:
            books = [statement["books"] for statement in self._statements.values()]
            outcome.audit = audit(books, sent)
            if not outcome.audit.lost or not workers or now() >= deadline:
                break
            gevent.sleep(_POLL)
            self._ask(workers, with_sent=False)
        self._add_up(list(self._statements.values()))

    def _add_up(self, statements: list[Statement]) -> None:
        outcome = self.judge.outcome
        outcome.processes = len(statements)
        outcome.begun = max((statement["started"] for statement in statements), default=0.0)
        outcome.ended = min((statement["hushed"] for statement in statements), default=now())
        outcome.users = _sum(statement["users"] for statement in statements)
        outcome.hosts = {statement["host"] for statement in statements}
        outcome.failed = _sum(statement["failed"] for statement in statements)
        outcome.closed = _sum(statement["closed"] for statement in statements)
        outcome.lagged = _sum(statement["lagged"] for statement in statements)
        outcome.returned = _sum(statement["returned"] for statement in statements)
        outcome.behind = sum(statement["behind"] for statement in statements)
        outcome.unsent = sum(statement["unsent"] for statement in statements)
        outcome.blocked = sum(statement["blocked"] for statement in statements)
        outcome.clock_step = max((one["clock_step"] for one in statements), key=abs, default=0.0)
        outcome.silences = everywhere(
            [Silence(*silence) for silence in statement["silences"]]
            for statement in statements
            if statement["started"]  # else it had nobody to hear anything
        )
        for statement in statements:
            for code, text, count in statement["reasons"]:
                outcome.reasons[code, text] += count
            for entry in statement["books"]["entries"]:
                outcome.absences += [(entry["name"], away[0], away[1]) for away in entry["away"]]
        outcome.disagreements = disagreements(
            step for statement in statements for step in statement["steps"]
        )

    def conclude(self) -> None:
        self.judge.pronounce()

    def interrupt(self) -> None:
        self.judge.outcome.interrupted.append("the run was interrupted")

    def _ask(self, workers: set[str], *, with_sent: bool) -> None:
        """Have `workers` show their books, and wait for that."""
        self._awaited = set(workers)
        self._shown.clear()
        for worker in workers:
            self._runner.send_message(HUSH, {"with_sent": with_sent}, worker)
        if workers:
            self._shown.wait(_ANSWER)

    def _change_rate(self, scenario: str, rate: float) -> None:
        self._climbing, self._rate = scenario, rate
        self._tell_tempo()

    @property
    def _present(self) -> set[str]:
        """The workers that take part, and of which something has been heard lately."""
        clients = self._runner.clients
        return {node.id for node in clients.running + clients.spawning}

    def _tell_tempo(self) -> None:
        """Tell all workers how many send, where that or the rate has changed."""
        present = self._present
        senders = dict(_sum(own for worker, own in self._senders.items() if worker in present))
        if (senders, self._rate) != self._told:
            self._told = senders, self._rate
            tempo = {"senders": senders, "climbing": self._climbing, "rate": self._rate}
            self._runner.send_message(TEMPO, tempo)

    def _on_assembled(self, msg: Any, **_: Any) -> None:
        self._senders[msg.node_id] = msg.data["senders"]
        self._assembled[msg.node_id] = msg.data["users"]
        # A worker may have said so before its users were sent to it.
        if not self._is_everybody(self._assembled) or self.judge.outcome.begun:
            return
        self.judge.begin(now())
        self._runner.send_message(START, {"senders": dict(_sum(self._senders.values()))})

    def _on_gone(self, msg: Any, **_: Any) -> None:
        self._gone[msg.node_id] = msg.data["users"]
        if self._active and self._is_everybody(self._gone):
            self.judge.nobody_left()

    def _is_everybody(self, users: Mapping[str, int]) -> bool:
        """Whether these are all users that the run is to have."""
        return sum(users.values()) >= self._runner.target_user_count

    def _on_books(self, msg: Any, **_: Any) -> None:
        self._statements[msg.node_id] = msg.data
        self._add(msg.node_id, msg.data["notes"])
        self._awaited.discard(msg.node_id)
        if not self._awaited:
            self._shown.set()

    def _on_worker_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        if self._active:
            self._add(client_id, data.get("load", []))

    def _add(self, worker: str, notes: list[Note]) -> None:
        series = self.judge.outcome.series
        for note in notes:
            series.add(note["samples"])
            series.note(note["second"], worker, connections=note["connections"], cpu=note["cpu"])
            self._last[worker] = note["second"]
            if self.judge.outcome.begun:
                self._senders[worker] = note["senders"]
        if self.judge.outcome.begun and not self.judge.outcome.ended:
            self._tell_tempo()
        present = self._present
        if present and present <= self._last.keys():
            self.judge.look(until=min(self._last[each] for each in present) + 1)


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total
