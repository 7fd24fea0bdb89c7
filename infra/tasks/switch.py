"""From the old release to the new one, watched from here and done by the script on the host."""

import atexit
import json
import secrets
import subprocess
import sys
import time

from pyinfra import host, logger

from infra.plan.journal import Journal
from infra.plan.plan import Plan
from infra.plan.refusal import Refusal
from infra.plan.release import check_not_older
from infra.tasks import script
from infra.tasks.site import Site, site_of
from infra.tasks.step import step

_POLL = 0.25  # seconds between two questions
_QUICK = 20  # seconds for a command that does next to nothing
_WITNESS_RATE = 5  # messages a second of each
_WITNESSES_PER_ROOM = 10


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
        self._lines = 0  # of the script's log, shown so far
        self._last_line = "it gave no reason"
        self._was_serving = False
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
            **self._address(),
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
        self._start(self._site.running)
        state = self._follow()
        while state.startswith("moved"):
            # Another deploy was first while this one waited: the question is asked again.
            running = state.split()[1]
            if self._plan.release and not self._plan.force:
                check_not_older(self._plan.release, running, site_of(host).running_committed)
            self._start(running)
            state = self._follow()
        if state == "failed":
            raise Refusal(f"the old release still serves: {self._last_line}")
        if state != "serving":  # it did for a moment, between two questions
            raise self._went_back("the new relay did not last", state)

    def _verify(self) -> None:
        try:
            tokens = self._tokens(["visitor-1", "visitor-2"], [self._room])
        except Refusal:  # it cannot even be asked
            self._verdict("back")
            raise self._went_back("the new relay did not last", self._follow()) from None
        wanted = {
            **self._address(),
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
                if (state := self._ask()) != "serving":
                    # The host has seen for itself that this does not work.
                    visitor.kill()
                    raise self._went_back("the new relay did not last", self._follow(state))
                time.sleep(_POLL)
            assert visitor.stdout is not None and visitor.stderr is not None
            said, words = visitor.stdout.read(), visitor.stderr.read().strip()
        if visitor.returncode == 0:
            self._journal.fact("message_ms", json.loads(said)["milliseconds"])
            return
        self._verdict("back")
        raise self._went_back(words.splitlines()[-1] if words else "no answer", self._follow())

    def _finish(self) -> None:
        self._verdict("keep")
        state = self._follow()
        if state != "kept":
            raise self._went_back("the new relay did not last", state)
        self._dismiss_witnesses()

    def _went_back(self, what: str, state: str) -> Refusal:
        self._dismiss_witnesses()
        if state.startswith("returned"):
            return Refusal(f"{what}: release {state.split()[1]} serves again")
        return Refusal(f"{what}: {self._last_line}")

    def _dismiss_witnesses(self) -> None:
        if self._witness:
            said, _ = self._witness.communicate()
            self._journal.fact("witnesses", json.loads(said) if said else {})

    def _start(self, expected: str) -> None:
        plan = self._plan
        path = f"{script.directory_of(self._release)}/release.sh"
        self._lines = 0
        who = [str(plan.wait), plan.actor, expected if plan.release else "any"]
        script.run([path, "start", *who], _QUICK)

    def _verdict(self, word: str) -> None:
        path = f"{script.directory_of(self._release)}/release.sh"
        script.run([path, "verdict", word], _QUICK)

    def _follow(self, state: str = "") -> str:
        """Show the script's log until it waits for a verdict or has ended; return its state.

        `state` is one that has been seen already, and is not waited for again.
        """
        seen = state or ("serving" if self._was_serving else "")
        while True:
            state = self._ask()
            if state == "serving" and seen != "serving":
                self._was_serving = True
                return state
            if not self._is_alive:
                if state in ("waiting", "switching", "serving", "returning"):
                    raise Refusal(
                        "the script on the host was killed: deploy again, which mends what it left"
                    )
                return state
            time.sleep(_POLL)

    def _ask(self) -> str:
        """Show what is new in the script's log; return its state."""
        path = f"{script.directory_of(self._release)}/release.sh"
        *lines, last = script.run([path, "progress", str(self._lines)], _QUICK)
        for line in lines:
            logger.info(f"    {line}")
        self._lines += len(lines)
        if lines:
            self._last_line = lines[-1]
        alive, state = last.removeprefix("=").split(maxsplit=1)
        self._is_alive = alive == "alive"
        return state

    def _address(self) -> dict[str, str]:
        return {"domain": self._site.domain, "host": self._plan.access.address}

    def _tokens(self, users: list[str], rooms: list[str]) -> dict[str, str]:
        """By user, from the relay that serves; empty where that asks for none."""
        named = " ".join(f"--room {room}" for room in rooms)
        token = f"python -m relay token --expires 15m --user $user {named}"
        mint = f'test -z "$JWT_SECRET" || for user in {" ".join(users)}; do {token}; done'
        command = ["docker", "exec", self._serving(), "sh", "-c", mint]
        minted = script.run(command, _QUICK + len(users))
        return dict(zip(users, minted, strict=True)) if minted else {}

    def _serving(self) -> str:
        return site_of(host).serving
