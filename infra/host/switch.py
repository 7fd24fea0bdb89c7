"""From the release that serves to another, and back where that one is not good."""

from infra.host.directory import Directory
from infra.host.docker import Container
from infra.host.failure import Failure
from infra.host.host import Host
from infra.host.mending import mend, tidy
from infra.host.retention import prune
from infra.host.state import ANY, State, Verdict
from infra.host.takeover import adopt, take_over

_VERDICT_WAIT = 45.0  # seconds for the deploying machine to say what it saw
_LOOK = 0.2  # seconds between two looks


class Switch:
    """One release is put live. Whoever runs it holds the lock of the host."""

    def __init__(self, host: Host, release: Directory) -> None:
        self._host = host
        self._release = release
        self._previous = ""
        self._olds: list[Container] = []

    def run(self, expected: str) -> None:
        """Go through all states. Failure or OSError: the old release serves on."""
        self._release.enter(State.SWITCHING)
        mend(self._host)
        self._previous = self._host.record.current
        if expected not in (ANY, self._previous):
            self._release.enter(State.MOVED, self._previous)
            return
        tidy(self._host)
        self._olds = self._host.docker.relays()
        beside = " beside the one that serves" if self._olds else ""
        print(f"starting release {self._release.name}{beside}", flush=True)
        self._host.record.begin(self._release)
        new = self._create()
        reason = self._put_live(new)
        if not reason:
            self._release.enter(State.SERVING)
            reason = self._await_verdict(new)
        if reason:
            self._go_back(new, reason)
        else:
            self._keep()

    def _create(self) -> Container:
        try:
            self._release.follow(self._previous)
            return self._host.docker.create(self._release.path)
        except (Failure, OSError):
            self._host.record.end()
            raise

    def _put_live(self, new: Container) -> str:
        """Return why it has to be gone back; "" if it serves. Failure: the old one serves on."""
        try:
            take_over(self._host, new, self._olds)
            self._host.caddy.reload((self._release.path / "Caddyfile.docker").read_bytes())
            self._host.record.commit(self._release)
        except (Failure, OSError) as failure:
            if self._olds and not any(map(self._host.relays.listens, self._olds)):
                return f"release {self._release.name} has taken over, and {failure}"
            self._host.relays.show_last_words(new)
            self._undo(new)
            raise Failure(f"release {self._release.name}: {failure}") from None
        print(f"release {self._release.name} serves", flush=True)
        for old in self._olds:  # their containers stay, for going back
            self._host.docker.stop(old)  # whom it could not hand over is asked to leave
        return ""

    def _undo(self, new: Container) -> None:
        """The old one has not handed over, and goes on as if nothing had been."""
        self._host.docker.remove(new)
        for old in self._olds:
            self._host.docker.let_restart(old, self._host.relays.listens(old))
        self._reload_caddy()
        self._host.record.end()

    def _await_verdict(self, new: Container) -> str:
        """Return why it has to be gone back; "" to keep it. Without a word the host decides."""
        deadline = self._host.clock.now() + _VERDICT_WAIT
        while self._host.clock.now() < deadline:
            if not self._host.relays.lasts(new):
                return "the relay ended or was restarted after it had become ready"
            match self._release.verdict:
                case Verdict.KEEP:
                    return ""
                case Verdict.BACK:
                    return "the deploying machine saw no message come through"
            self._host.clock.sleep(_LOOK)
        commit = self._release.name.split("-")[1]
        try:
            self._host.relays.carry_a_message(new, self._release.path / "roundtrip.py", commit)
        except Failure as failure:
            return f"the deploying machine is silent, and {failure}"
        return ""

    def _keep(self) -> None:
        for old in self._olds:
            self._host.docker.remove(old)
        self._release.remember()
        prune(self._host, self._release)
        self._host.record.end()
        self._release.enter(State.KEPT)

    def _go_back(self, new: Container, reason: str) -> None:
        print(f"going back: {reason}", flush=True)
        release = self._host.record.release(self._previous)
        if not (release.has_served and release.is_whole):
            adopt(self._host, new, self._release)
            why = "there is no release before this one to go back to: it goes on serving"
            self._release.enter(State.STAYS, why)
            return
        self._release.enter(State.RETURNING)
        self._host.relays.show_last_words(new)
        old = next((old for old in self._olds if old.release == release.name), None)
        try:
            old = old or self._host.docker.create(release.path)
            self._host.docker.stop(old)  # it has handed over, and never serves again
            self._host.docker.let_restart(old, True)
            take_over(self._host, old, [new])
        except Failure as failure:
            print(f"release {release.name}: {failure}", flush=True)
            serving = new if old is None or self._host.relays.listens(new) else old
            adopt(self._host, serving, self._host.record.release(serving.release))
            why = f"release {release.name} does not get ready either: deploy a good one"
            self._release.enter(State.STAYS, why)
            return
        adopt(self._host, old, release)
        self._release.enter(State.RETURNED, release.name)

    def _reload_caddy(self) -> None:
        try:
            self._host.caddy.reload(self._host.record.caddyfile)
        except Failure as failure:
            print(failure, flush=True)
