"""What can be asked of a relay's container: is it ready, does it serve, does it carry a message?"""

from pathlib import Path

from infra.host.clock import Clock
from infra.host.docker import Answer, Container, Docker
from infra.host.failure import Failure

_READY_WAIT = 60.0  # seconds to get ready; on a busy host Docker calls it unhealthy long before
_LOOK = 0.2  # seconds between two looks
_TRIES = 5  # health checks that one that hangs does not answer
_TRY_PAUSE = 1.0  # seconds between two of them
_LOG_LINES = 40  # of a container that failed
_REFUSED = "refused"  # in what a health check says where nobody listens
_ITSELF = '"ready"'  # in what it says where the relay has answered, ready or not


class Relays:
    """Questions to relays, each asked in its own container."""

    def __init__(self, docker: Docker, clock: Clock) -> None:
        self._docker = docker
        self._clock = clock

    def _check(self, relay: Container) -> Answer:
        """Its own health check, asked now: Docker's next one may be seconds away."""
        match relay.check:
            case ("CMD", *command):
                return self._docker.execute(relay, *command)
            case ("CMD-SHELL", command):
                return self._docker.execute(relay, "/bin/sh", "-c", command)
        return Answer(True, "")

    def is_ready(self, relay: Container) -> bool:
        """Whether it takes new clients."""
        return self._check(relay).worked

    def answers(self, relay: Container) -> bool:
        """Whether it says how it is: one that is overloaded is not ready, and has clients."""
        answer = self._check(relay)
        return answer.worked or _ITSELF in answer.output + answer.errors

    def listens(self, relay: Container) -> bool:
        """Whether it may have clients: one that has ended or handed over refuses connections.

        One that is too busy to answer does not.
        """
        if self._docker.look(relay).status != "running":
            return False
        answer = self._check(relay)
        return answer.worked or _REFUSED not in answer.output + answer.errors

    def hangs(self, relay: Container) -> bool:
        """It listens, and answers not even its health check, again and again: nothing can be had
        from it."""
        if self._docker.look(relay).health != "unhealthy":
            return False
        for _ in range(_TRIES):  # a busy host, or a busy relay, is no reason to cut off everybody
            answer = self._check(relay)
            said = answer.output + answer.errors
            if answer.worked or _REFUSED in said or _ITSELF in said:
                return False
            self._clock.sleep(_TRY_PAUSE)
        return True

    def await_ready(self, relay: Container, wait: float = _READY_WAIT) -> None:
        """Return once it is ready; Failure says why it does not get so."""
        deadline = self._clock.now() + wait
        while self._clock.now() < deadline:
            now = self._docker.look(relay)
            if now.status != "running" or now.restarts:
                raise Failure(f"it ended with exit code {now.exit_code}")
            if self.is_ready(now):
                return
            self._clock.sleep(_LOOK)
        raise Failure(f"it runs but does not get ready within {wait:g} s")

    def lasts(self, relay: Container) -> bool:
        """Whether it runs, and has not been restarted."""
        now = self._docker.look(relay)
        return now.status == "running" and not now.restarts

    def carry_a_message(self, relay: Container, program: Path, commit: str = "") -> None:
        """Send a message between two clients, as `program` does in the container; Failure says why
        it did not arrive. `commit`: what /health has to begin with."""
        words = ("python", "-", commit) if commit else ("python", "-")
        answer = self._docker.execute(relay, *words, text=program.read_bytes())
        if not answer.worked:
            raise Failure(f"it carried no message: {answer.reason}")

    def show_last_words(self, relay: Container) -> None:
        """Print the end of its log."""
        print("its last lines:", flush=True)
        for line in self._docker.logs(relay, _LOG_LINES):
            print(f"  | {line}", flush=True)
