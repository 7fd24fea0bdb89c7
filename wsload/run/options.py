"""What a run was asked to do, and which values cannot be."""

import os
from argparse import Namespace
from dataclasses import dataclass
from typing import Any

from wsload.account.payload import SMALLEST
from wsload.client.annotated import PROTOCOL
from wsload.client.tokens import Tokens, from_file, minted, one_for_all
from wsload.client.trust import Trust

LARGEST_PAYLOAD = 10 * 1024 * 1024
MOST_ROOMS = 8192
_SECRET = frozenset({"token", "token_file", "ca", "certificate", "key", "report"})
_REQUIRED = frozenset({"require", "require_file"})  # the result has them, with what came of them


class BadOption(Exception):
    """An option whose value cannot be; the message names option, value and expectation."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was asked to do. Zero or empty: the scenario's own value, or none."""

    room: str
    rooms: int
    name: str
    payload: int  # bytes
    interval: float  # milliseconds
    sender_every: int
    echo: bool
    start: str
    reconnect: bool
    protocol: str
    one_order: bool
    compression: bool
    ping_every: float  # seconds
    token: str
    token_file: str
    ca: str
    certificate: str
    key: str
    insecure: bool
    settle: float  # seconds
    late: float  # milliseconds
    clocks_agree: bool
    require: tuple[str, ...]
    require_file: str
    report: str
    rate: float  # messages a second, all senders together
    rate_max: float
    rate_step: float  # seconds
    rate_factor: float
    lagging_every: int
    lagging_speed: int  # bytes a second

    @classmethod
    def of(cls, namespace: Namespace) -> "Options":
        """Read what Locust parsed; raises `BadOption`."""
        values = {name: getattr(namespace, name) for name in cls.__dataclass_fields__}
        parts = (part.strip() for part in namespace.require.split(","))
        values["require"] = tuple(part for part in parts if part)
        options = cls(**values)
        for name, value, least, most, unit in (
            ("rooms", options.rooms, 1, MOST_ROOMS, "rooms"),
            ("settle", options.settle, 0, 3600, "seconds"),
            ("late", options.late, 0.1, 1e7, "milliseconds"),
            ("rate", options.rate, 0.001, 1e9, "messages a second"),
            ("rate-factor", options.rate_factor, 1.01, 10, "times"),
            ("rate-step", options.rate_step, 1, 3600, "seconds"),
        ):
            if not least <= value <= most:
                raise BadOption(f"--{name} {value}: expected {least:g} to {most:g} {unit}")
        for name, value in (
            ("interval", options.interval),
            ("sender-every", options.sender_every),
            ("ping-every", options.ping_every),
            ("rate-max", options.rate_max),
            ("lagging-every", options.lagging_every),
            ("lagging-speed", options.lagging_speed),
        ):
            if not 0 <= value < float("inf"):
                raise BadOption(f"--{name} {value}: expected 0 or more")
        if options.payload and not SMALLEST <= options.payload <= LARGEST_PAYLOAD:
            raise BadOption(
                f"--payload {options.payload}: expected {SMALLEST} (the accounting's own header) "
                f"to {LARGEST_PAYLOAD} bytes"
            )
        if 0 < options.rate_max <= options.rate:
            raise BadOption(
                f"--rate-max {options.rate_max:g}: expected more than --rate {options.rate:g}, "
                "or 0 to stay there"
            )
        if options.start not in ("together", "ramp"):
            raise BadOption(f"--start {options.start}: expected together or ramp")
        if options.protocol not in ("raw", PROTOCOL):
            raise BadOption(f"--protocol {options.protocol}: expected raw or {PROTOCOL}")
        return options

    @property
    def trust(self) -> Trust:
        return Trust(self.ca, self.certificate, self.key, self.insecure)

    def tokens(self) -> Tokens:
        """A token for each user. Raises `BadAddress` for a file that cannot be read."""
        if self.token_file:
            return from_file(self.token_file)
        if token := self.token or os.environ.get("RELAY_TOKEN", ""):
            return one_for_all(token)
        if secret := os.environ.get("JWT_SECRET", ""):
            return minted(secret)
        return one_for_all("")

    def public(self) -> dict[str, Any]:
        """Everything that may stand in a result: no token, and no file names."""
        return {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in _SECRET | _REQUIRED
        }
