"""A host in memory: a `docker` with relays that take over from each other, and a clock that flies.

The program on the host is given this `docker` in place of the real one; all else, its files
included, is real. It can be killed at each moment: before and after each command and each change of
a file.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from infra.host.docker import Answer


class Killed(BaseException):
    """The program ends here, as by SIGKILL."""


class Relay(Enum):
    """How the relays of one release behave."""

    GOOD = auto()
    DOES_NOT_START = auto()  # it ends at once, with exit code 1
    NEVER_READY = auto()  # it runs, and does not even take over
    STUCK = auto()  # it takes over, and then answers nobody
    OVERLOADED = auto()  # it takes over, serves, and says that it is not ready
    ONCE = auto()  # good when it is started first, and not even taking over later
    DIES = auto()  # it takes over, and ends after some seconds
    MUTE = auto()  # it carries no message
    HANGS = auto()  # it serves, and then answers nothing and hands nothing over
    BUSY = auto()  # it serves and hands over, and is too busy for its health check
    CANNOT_HAND_OVER = auto()  # a release from before relays did that


_SILENT = (Relay.NEVER_READY, Relay.STUCK, Relay.HANGS)


class FakeClock:
    """It moves when somebody sleeps, `speed` times as far."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.speed = 1.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds * self.speed

    def stamp(self, ago: float = 0) -> str:
        return "20261125T120000" if not ago else "20261125T110000"


@dataclass
class Box:
    """One container."""

    id: str
    release: str
    relay: Relay
    status: str = "created"
    policy: str = "unless-stopped"
    restarts: int = 0
    exit_code: int = 0
    started: float | None = None  # when, last
    starts: int = 0
    has_handed_over: bool = False
    was_stopped: bool = False  # by hand: the engine leaves it so

    @property
    def runs(self) -> bool:
        return self.status == "running"


class FakeDocker:
    """Called as `docker` is; `cut` counts how often members lost their connection."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.boxes: list[Box] = []
        self.kinds: dict[str, Relay] = {}  # by release; good where not named
        self.images: set[str] = set()
        self.holder: Box | None = None  # of the members' connections
        self.cut = 0
        self.caddyfile = b""
        self.has_caddy = True
        self.commands: list[str] = []
        self.moments = 0  # at which it could have been killed
        self.ends_at: int | None = None
        self.away_until = 0.0  # the engine is being restarted
        self.unstoppable = ""  # a container that the engine cannot stop
        self._number = 0

    def moment(self) -> None:
        """One at which the program may be killed."""
        self.moments += 1
        if self.moments == self.ends_at:
            raise Killed

    def __call__(self, command: Sequence[str], text: bytes) -> Answer:
        assert command[0] == "docker"
        if self.clock.time < self.away_until:
            return Answer(False, "", "Cannot connect to the Docker daemon. Is it running?\n")
        self.commands.append(" ".join(command[1:]))
        self.moment()
        self._age()
        answer = self._do(list(command[1:]), text)
        self.moment()
        return answer

    def _do(self, words: list[str], text: bytes) -> Answer:
        verb, *rest = words
        match verb, rest:
            case "ps", _:
                return self._list(" ".join(rest))
            case "inspect", _:
                found = [self._box(word) for word in rest]
                if None in found:
                    return Answer(False, "[]", "Error: No such object\n")
                return Answer(True, json.dumps([_facts(box) for box in found if box]))
            case "compose", _:
                return self._compose(rest)
            case "exec", ("--interactive", "caddy", "caddy", action, *_):
                return self._caddy(action, text)
            case "exec", _:
                return self._exec([word for word in rest if word != "--interactive"])
            case "image", ("ls", *_):
                return Answer(True, "\n".join(sorted(self.images)))
            case "image", ("rm", tag):
                self.images.discard(tag.removeprefix("relay:"))
                return Answer(True, "")
            case (("image" | "builder"), ("prune", *_)):
                return Answer(True, "")
            case "update", ("--restart", policy, name):
                return self._each(name, lambda box: setattr(box, "policy", policy))
            case "start", (name,):
                return self._each(name, self.start)
            case "stop", (name,) if name == self.unstoppable:
                return Answer(False, "", "tried to kill container, but it did not exit\n")
            case "stop", (name,):
                return self._each(name, self._stop)
            case "kill", (name,):
                return self._each(name, self._end)
            case "unpause", (name,):
                return self._each(name, lambda box: setattr(box, "status", "running"))
            case "rm", ("--force", name):
                return self._each(name, self._remove)
            case "stats", _:
                return Answer(False, "", "no statistics here\n")
            case "logs", _:
                return Answer(True, "", "no luck\n")
        raise AssertionError(f"a docker that does not know {words}")

    def _each(self, name: str, change: object) -> Answer:
        box = self._box(name)
        if box is None:
            return Answer(False, "", f"Error response from daemon: No such container: {name}\n")
        assert callable(change)
        change(box)
        return Answer(True, name)

    def _box(self, name: str) -> Box | None:
        return next((box for box in self.boxes if name in (box.id, f"{box.id}-name")), None)

    def _list(self, filters: str) -> Answer:
        if "service=caddy" in filters:
            return Answer(True, "caddy\n" if self.has_caddy else "")
        if "oneoff=True" in filters:
            return Answer(
                True, "".join(f"{b.id}\n" for b in self.boxes if b.id == "relay-rehearsal")
            )
        return Answer(True, "".join(f"{b.id}\n" for b in self.boxes if b.id != "relay-rehearsal"))

    def _compose(self, words: list[str]) -> Answer:
        text = " ".join(words)
        release = Path(words[words.index("--file") + 1]).parent.name
        if "config" in words:
            bad = b"imagine" in (Path(words[words.index("--file") + 1])).read_bytes()
            return Answer(not bad, "", "relay.imagine is not allowed\n" if bad else "")
        if "run" in words:
            assert "rehearsal.yml" in text
            box = self.make(release, "relay-rehearsal")
            box.started, box.status = self.clock.time, "running"
            self._age()
            return Answer(True, "")
        assert "create" in words
        wanted = int(next(word for word in words if word.startswith("relay=")).partition("=")[2])
        if release not in self.images:
            return Answer(False, "", f"No such image: relay:{release}\n")
        while len(self.boxes) < wanted:
            self.make(release)
        return Answer(True, "")

    def make(self, release: str, name: str = "") -> Box:
        self._number += 1
        kind = self.kinds.get(release, Relay.GOOD)
        box = Box(name or f"container{self._number}", release, kind)
        self.boxes.append(box)
        return box

    def _caddy(self, action: str, text: bytes) -> Answer:
        if b"nonsense" in text or (action == "reload" and b"unloadable" in text):
            return Answer(False, "", "Error: adapting config: unrecognized directive: nonsense\n")
        if action == "reload":
            self.caddyfile = text
        return Answer(True, "")

    def _exec(self, words: list[str]) -> Answer:
        box = self._box(words[0])
        assert box is not None
        if not box.runs:
            return Answer(False, "", "Error response from daemon: container is not running\n")
        if words[1] == "python":
            commit = words[3] if len(words) > 3 else ""
            good = self._is_ready(box) and box.relay is not Relay.MUTE and commit in box.release
            return Answer(good, "", "" if good else "no message arrived\n")
        if self._is_ready(box):
            return Answer(True, '{"ready":true}\n')
        if box.relay is Relay.OVERLOADED and not box.has_handed_over:
            return Answer(False, '{"ready":false,"reason":"overloaded"}\n')
        reason = "Connection refused" if box.has_handed_over else "timed out"
        return Answer(False, f"no answer from 127.0.0.1 on port 8080: {reason}\n")

    def _is_ready(self, box: Box) -> bool:
        bad = (*_SILENT, Relay.OVERLOADED, Relay.BUSY)
        return box.runs and not box.has_handed_over and box.relay not in bad

    def _age(self) -> None:
        """What has come of all containers by now."""
        for box in self.boxes:
            if box.runs and box.started is not None:
                age = self.clock.time - box.started
                if box.relay is Relay.DOES_NOT_START or (box.relay is Relay.DIES and age > 5):
                    self._lose(box)
                    box.restarts, box.exit_code = box.restarts + 1, 1
                    box.status = "restarting" if box.policy != "no" else "exited"

    def start(self, box: Box) -> None:
        box.status, box.started, box.was_stopped = "running", self.clock.time, False
        box.has_handed_over, box.restarts, box.starts = False, 0, box.starts + 1
        if box.relay is Relay.ONCE and box.starts > 1:
            box.relay = Relay.NEVER_READY
        if box.relay in (Relay.DOES_NOT_START, Relay.NEVER_READY):
            return
        holder = self.holder
        if holder is not None and holder.relay in (Relay.HANGS, Relay.CANNOT_HAND_OVER):
            return  # it serves new members, beside
        if holder is not None:
            holder.has_handed_over = True
        self.holder = box

    def _stop(self, box: Box) -> None:
        self._end(box)
        box.was_stopped = True

    def _end(self, box: Box) -> None:
        if box.status not in ("created", "exited"):
            self._lose(box)
            box.status = "exited"

    def _remove(self, box: Box) -> None:
        self._end(box)
        self.boxes.remove(box)

    def _lose(self, box: Box) -> None:
        """Its members are cut off, and come back to whoever serves."""
        if self.holder is box:
            self.cut += 1
            self.holder = next((b for b in self.boxes if b is not box and self._is_ready(b)), None)

    def reboot(self) -> None:
        """Or a power cut: the engine starts again what it should, in any order."""
        self.holder = None
        for box in self.boxes:
            box.status = "exited" if box.started is not None else box.status
        for box in self.boxes:
            if box.started is not None and box.policy != "no" and not box.was_stopped:
                self.start(box)


def _facts(box: Box) -> dict[str, object]:
    health = "healthy"
    if box.relay in _SILENT or box.has_handed_over:
        health = "unhealthy"
    return {
        "Id": box.id,
        "RestartCount": box.restarts,
        "State": {"Status": box.status, "ExitCode": box.exit_code, "Health": {"Status": health}},
        "Config": {
            "Image": f"relay:{box.release}",
            "Healthcheck": {"Test": ["CMD", "probe"]},
        },
    }
