"""What is well and what is not: each finding is a fact, and what to do about it. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from relay.access.access import Access
from relay.access.admission import max_connections
from relay.access.openness import what_is_open
from relay.doctor.facts import Facts, SocketFact
from relay.settings import Settings, SettingsError
from relay.values import seconds

_QUEUE: Final = 4096  # as `relay.edge.listener.QUEUE`, which is about sockets
_LEAST_FILES: Final = 4096
_HELD_PER_MEMBER: Final = 4  # members as far behind as may be, that half of the memory has to hold
_MODES: Final = {"LISTEN_SOCKET": 0o660, "HANDOVER_SOCKET": 0o600}


class Level(Enum):
    OK = "ok"
    LOOK = "look"  # it may be meant so
    WRONG = "wrong"  # something will not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    level: Level
    fact: str
    advice: str = ""


def check(settings: Settings, facts: Facts) -> list[Finding]:
    """Return what was found, in the order of the report."""
    return [
        *_descriptors(settings, facts),
        *_ports(settings, facts),
        *_queue(facts),
        *_memory(settings, facts),
        *_stopping(settings, facts),
        *_clock(settings, facts),
        *_keys(settings),
        *(_socket(name, found) for name, found in facts.sockets),
        *_open(settings),
        *_serving(facts),
    ]


def _descriptors(settings: Settings, facts: Facts) -> Iterator[Finding]:
    possible = max_connections(
        settings.model_copy(update={"max_connections": 0}), facts.file_limit, facts.memory_limit
    )
    fact = f"{facts.file_limit} files may be open, which is enough for {possible} connections"
    if settings.max_connections > possible:
        yield Finding(
            "descriptors",
            Level.WRONG,
            f"{fact}, and MAX_CONNECTIONS is {settings.max_connections}",
            "raise the limits of files (ulimit -n, LimitNOFILE, Docker's ulimits) and memory, or "
            "lower MAX_CONNECTIONS",
        )
    elif facts.file_limit < _LEAST_FILES:
        yield Finding(
            "descriptors", Level.LOOK, fact, "raise it: ulimit -n, LimitNOFILE, Docker's ulimits"
        )
    else:
        yield Finding("descriptors", Level.OK, fact)


def _ports(settings: Settings, facts: Facts) -> Iterator[Finding]:
    if facts.ports is None:
        yield Finding("ports", Level.LOOK, "the range of ports cannot be read here")
        return
    low, high = facts.ports
    count = high - low + 1
    wanted = max_connections(settings, facts.file_limit, facts.memory_limit)
    fact = f"{count} ports ({low} to {high}) for connections from here"
    if count < wanted:
        yield Finding(
            "ports",
            Level.LOOK,
            f"{fact}, and the relay takes {wanted} connections",
            "a proxy here needs a port for each: let it use a Unix socket, or set "
            "net.ipv4.ip_local_port_range to 1024 65535",
        )
    else:
        yield Finding("ports", Level.OK, fact)


def _queue(facts: Facts) -> Iterator[Finding]:
    if facts.queue is None:
        yield Finding("handshakes", Level.LOOK, "net.core.somaxconn cannot be read here")
    elif facts.queue < _QUEUE:
        yield Finding(
            "handshakes",
            Level.LOOK,
            f"{facts.queue} may wait while the relay is busy (net.core.somaxconn)",
            f"set net.core.somaxconn to {_QUEUE}: in a container, among its sysctls",
        )
    else:
        yield Finding("handshakes", Level.OK, f"{facts.queue} may wait (net.core.somaxconn)")


def _memory(settings: Settings, facts: Facts) -> Iterator[Finding]:
    limit = facts.memory_limit
    fact = f"{_megabytes(limit)} may be used"
    held = (
        ("MAX_MESSAGE_SIZE", settings.max_message_size),
        ("WRITE_BUFFER_SIZE", settings.write_buffer_size),
        ("READ_BUFFER_SIZE", settings.read_buffer_size),
    )
    large = [(name, size) for name, size in held if size * _HELD_PER_MEMBER > limit // 2]
    for name, size in large:
        yield Finding(
            "memory",
            Level.WRONG,
            f"{fact}, and {name} is {_megabytes(size)}: a few members can hold all of it",
            f"give the relay more memory, or set {name} to {_megabytes(limit // 8)} or less",
        )
    if settings.history_size > limit // 8:
        yield Finding(
            "memory",
            Level.LOOK,
            f"HISTORY_SIZE is {_megabytes(settings.history_size)}, and all rooms together keep "
            f"{_megabytes(limit // 8)} at most",
            "lower HISTORY_SIZE, or give the relay more memory",
        )
    elif not large:
        yield Finding("memory", Level.OK, fact)


def _stopping(settings: Settings, facts: Facts) -> Iterator[Finding]:
    drain = f"the relay takes up to {settings.drain_timeout:g} s to stop (DRAIN_TIMEOUT)"
    try:
        grace = None if facts.stop_grace is None else seconds(facts.stop_grace)
    except ValueError:
        grace = None
    if grace is None:
        yield Finding(
            "stopping",
            Level.LOOK,
            f"{drain}; what it is given cannot be known from here",
            "see that stop_grace_period (Docker) or TimeoutStopSec (systemd) is longer",
        )
    elif grace <= settings.drain_timeout:
        yield Finding(
            "stopping",
            Level.WRONG,
            f"{drain}, and is killed after {grace:g} s (RELAY_STOP_GRACE)",
            "raise RELAY_STOP_GRACE, or lower DRAIN_TIMEOUT",
        )
    else:
        yield Finding("stopping", Level.OK, f"{drain}, and is given {grace:g} s")


def _clock(settings: Settings, facts: Facts) -> Iterator[Finding]:
    if facts.is_clock_synchronised:
        yield Finding("clock", Level.OK, "it is synchronised")
        return
    uses = "tokens expire by it" if settings.asks_for_tokens else "logs are dated by it"
    known = "it is not synchronised" if facts.is_clock_synchronised is False else "it is not told"
    yield Finding(
        "clock", Level.LOOK, f"{known}, and {uses}", "run systemd-timesyncd or chrony on the host"
    )


def _keys(settings: Settings) -> Iterator[Finding]:
    try:
        access = Access(settings)
    except SettingsError as error:
        for sentence in str(error).splitlines():
            yield Finding("keys", Level.WRONG, sentence)
        return
    if not access.asks_for_tokens:
        return
    algorithms = ", ".join(key.algorithm for key in access.keys) or "none of its own"
    where = f", and a key set at {settings.jwks_url}" if settings.jwks_url else ""
    if where and str(settings.jwks_url).startswith("http:"):
        yield Finding(
            "keys",
            Level.LOOK,
            f"{algorithms}{where}",
            "use https: whoever stands in between can put in keys",
        )
    else:
        yield Finding("keys", Level.OK, f"{algorithms}{where}")


def _socket(name: str, found: SocketFact) -> Finding:
    subject, wanted = name.lower(), _MODES[name]
    if found.kind == "nowhere":
        return Finding(
            subject,
            Level.WRONG,
            f"the directory of {found.path} is missing",
            "mount the volume, or make it",
        )
    if found.kind == "missing":
        return Finding(subject, Level.OK, f"{found.path} is not there yet: no relay serves on it")
    if found.kind == "file":
        return Finding(
            subject,
            Level.WRONG,
            f"{found.path} is no socket",
            f"remove it, or set {name} to another path",
        )
    if found.mode & ~wanted:
        return Finding(
            subject,
            Level.WRONG,
            f"{found.path} has mode {found.mode:04o}: others than meant may use it",
            f"chmod {wanted:04o} {found.path}",
        )
    if not found.is_ours:
        return Finding(
            subject,
            Level.LOOK,
            f"{found.path} belongs to another user",
            "run the relay as the user that it belongs to",
        )
    return Finding(subject, Level.OK, f"{found.path}, mode {found.mode:04o}")


def _open(settings: Settings) -> Iterator[Finding]:
    for sentence in what_is_open(settings):
        fact, _, advice = sentence.partition(" (")
        yield Finding("open to everybody", Level.LOOK, fact, advice.rstrip(")"))
    yield Finding(
        "open to everybody",
        Level.OK,
        "/metrics and /health answer whoever reaches the port; Caddy leaves /metrics out",
    )


def _serving(facts: Facts) -> Iterator[Finding]:
    if facts.relay is None:
        yield Finding("relay", Level.OK, "none answers here")
    elif '"ready":true' in facts.relay:
        yield Finding("relay", Level.OK, "one serves here, and takes connections")
    else:
        yield Finding("relay", Level.LOOK, f"one serves here: {facts.relay}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 1_000_000 else f"{size} bytes"
