"""From the old release to the new one, watched from here and done by the program on the host."""

import atexit
import json
import secrets
import subprocess
import sys
import time

from pyinfra import host, logger

from infra.host.state import ANY, Progress, State, Verdict
from infra.plan.journal import Journal
from infra.plan.plan import Plan
from infra.plan.refusal import Refusal
from infra.plan.release import check_not_older
from infra.tasks import program, remote
from infra.tasks.preflight import check_hold
from infra.tasks.site import Site, site_of
from infra.tasks.step import step

_POLL = 0.25  # seconds between two questions
_QUICK = 20  # seconds for a command that does next to nothing
_WITNESS_RATE = 5  # messages a second of each
_WITNESSES_PER_ROOM = 10
_DISMISSAL = 30  # seconds for them to hear what is on its way, and to leave


class Switch:
    """One release put in the place of another."""

    def __init__(self, plan: Plan, release: str, commit: str, site: Site) -> None:
        self._plan = plan
        self._release = release
        self._commit = commit  # that /health has to name
        self._site = site
        self._journal = Journal.of(plan.directory)
        self._room = f"deploy-{secrets.token_hex(4)}"
        self._witness: subprocess.Popen[str] | None = None
        self._lines = 0  # of the program's log, shown so far
        self._is_alive = True

    def put_live(self) -> None:
        """The steps, in order."""
        if self._plan.witnesses and self._site.serving:
            step("Switch | Connect witnesses", self._connect_witnesses)
        step("Switch | Start the new relay, which takes over, then stop the old one", self._replace)
        step("Switch | Carry a message through the public address", self._verify)
        step("Switch | Remember the release", self._finish)

    def _connect_witnesses(self) -> None:
        rooms = max(1, self._plan.witnesses // _WITNESSES_PER_ROOM)
        clients = self._plan.witnesses // rooms
        users = [f"witness-{client}" for client in range(clients)]
        try:
            tokens = self._tokens(users, [f"{self._room}-{room}" for room in range(rooms)])
        except Refusal as refusal:  # what serves may be broken, and about to be mended
            logger.warning(f"    no witnesses: {refusal}")
            return
        wanted = {
            "address": self._address,
            "room": self._room,
            "rooms": rooms,
            "clients": clients,
            "rate": _WITNESS_RATE,
            "tokens": tokens,
        }
        self._witness = subprocess.Popen(
            [sys.executable, "-m", "infra.watch.witness"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._witness.kill)  # whatever ends this process
        assert self._witness.stdin is not None and self._witness.stdout is not None
        self._witness.stdin.write(json.dumps(wanted) + "\n")
        self._witness.stdin.flush()
        if not self._witness.stdout.readline():
            logger.warning("    the witnesses could not connect: nobody counts what clients see")
            self._witness = None

    def _replace(self) -> None:
        if self._plan.release:  # building took a while
            check_hold(self._plan, site_of(host))
        self._start(self._site.running)
        ended = self._follow(State.SERVING)
        while ended.state is State.MOVED:
            # Another deploy was first while this one waited: the question is asked again.
            running = ended.words
            if self._plan.release and not self._plan.force:
                check_not_older(self._plan.release, running, site_of(host).running_committed)
            self._start(running)
            ended = self._follow(State.SERVING)
        if ended.state is State.FAILED:
            now = "the old release still serves" if self._site.serving else "nothing serves"
            raise Refusal(f"{now}: {ended.words}")
        if ended.state is not State.SERVING:  # it did for a moment, between two questions
            raise self._went_back("the new relay did not last", ended)

    def _verify(self) -> None:
        try:
            tokens = self._tokens(["visitor-1", "visitor-2"], [self._room])
        except Refusal:  # it cannot even be asked
            program.tell(self._release, Verdict.BACK)
            raise self._went_back("the new relay did not last", self._follow()) from None
        wanted = {
            "address": self._address,
            "commit": self._commit,
            "room": self._room,
            "tokens": tokens,
        }
        with subprocess.Popen(
            [sys.executable, "-m", "infra.watch.visitor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as visitor:
            assert visitor.stdin is not None
            visitor.stdin.write(json.dumps(wanted))
            visitor.stdin.close()
            while visitor.poll() is None:
                if self._ask().state is not State.SERVING:
                    # The host has seen for itself that this does not work.
                    visitor.kill()
                    raise self._went_back("the new relay did not last", self._follow())
                time.sleep(_POLL)
            assert visitor.stdout is not None and visitor.stderr is not None
            said, words = visitor.stdout.read(), visitor.stderr.read().strip()
        if visitor.returncode == 0:
            self._journal.fact("message_ms", json.loads(said)["milliseconds"])
            return
        program.tell(self._release, Verdict.BACK)
        raise self._went_back(words.splitlines()[-1] if words else "no answer", self._follow())

    def _finish(self) -> None:
        program.tell(self._release, Verdict.KEEP)
        ended = self._follow()
        if ended.state is not State.KEPT:
            raise self._went_back("the new relay did not last", ended)
        self._dismiss_witnesses()

    def _went_back(self, what: str, ended: Progress) -> Refusal:
        self._dismiss_witnesses()
        if ended.state is State.RETURNED:
            return Refusal(f"{what}: release {ended.words} serves again")
        return Refusal(f"{what}: {ended.words or ended.state}")

    def _dismiss_witnesses(self) -> None:
        if not self._witness:
            return
        try:
            said, _ = self._witness.communicate(timeout=_DISMISSAL)
        except subprocess.TimeoutExpired:
            self._witness.kill()
            logger.warning("    the witnesses did not end: nobody counts what clients saw")
            return
        self._journal.fact("witnesses", json.loads(said) if said else {})

    def _start(self, expected: str) -> None:
        self._lines = 0
        program.start(self._release, expected if self._plan.release else ANY)

    def _follow(self, until: State | None = None) -> Progress:
        """Show the program's log until its switch is over, or has got to this state."""
        while True:
            progress = self._ask()
            if progress.state.is_final or progress.state is until:
                return progress
            if not self._is_alive:
                raise Refusal(
                    "the program on the host was killed: deploy again, which mends what it left"
                )
            time.sleep(_POLL)

    def _ask(self) -> Progress:
        """Show what is new in the program's log; return how far it has got."""
        lines, report = program.report(self._release, self._lines)
        for line in lines:
            logger.info(f"    {line}")
        self._lines += len(lines)
        self._is_alive = report.is_alive
        return report.progress

    @property
    def _address(self) -> dict[str, str | bool]:
        """As infra/watch/public.py has it."""
        return {
            "domain": self._site.domain,
            "host": self._plan.access.address,
            "is_only": self._plan.is_only,
        }

    def _tokens(self, users: list[str], rooms: list[str]) -> dict[str, str]:
        """By user, from the relay that serves; empty where that asks for none."""
        named = " ".join(f"--room {room}" for room in rooms)
        token = f"python -m relay token --expires 15m --user $user {named}"
        mint = f'test -z "$JWT_SECRET" || for user in {" ".join(users)}; do {token}; done'
        command = ["docker", "exec", self._serving(), "sh", "-c", mint]
        minted = remote.run(command, _QUICK + len(users))
        return dict(zip(users, minted, strict=True)) if minted else {}

    def _serving(self) -> str:
        return site_of(host).serving
