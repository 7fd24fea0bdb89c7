"""The load tester's own options, beside Locust's: on the command line, in the environment as
`LOCUST_…`, and in the web page's form.

Every option has a typed default (the web page's form needs one); 0 or an empty text means what the
help says it means.
"""

import os
from argparse import Action, Namespace
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


class _Collect(Action):
    """Joins the values of an option that is given several times with commas: the web page's form
    has one line of text for it, and Locust takes an empty list there for one of numbers."""

    def __call__(
        self, parser: object, namespace: Namespace, values: object, option: str | None = None
    ) -> None:
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, f"{before},{values}" if before else values)


def add_arguments(parser: Any) -> None:
    """Add our options to Locust's parser; without a group, so that the web page's form has them."""

    def add(option: str, **how: Any) -> None:
        name = "LOCUST_" + option.removeprefix("--").replace("-", "_").upper()
        parser.add_argument(option, env_var=name, **how)

    add("--room", default="", help="room to join; empty: one of this run's own")
    add("--rooms", type=int, default=1, help="spread the members over this many rooms")
    add("--name", default="", help="members' names begin with this; empty: this run's own")
    add("--payload", type=int, default=0, help="bytes per message; 0: the scenario's own")
    add(
        "--interval",
        type=float,
        default=0.0,
        help="milliseconds between a sender's messages; 0: the scenario's own",
    )
    add(
        "--sender-every",
        type=int,
        default=0,
        help="every n-th member of a room sends; 0: the scenario's own",
    )
    add("--echo", action="store_true", default=False, help="senders get their own messages too")
    add(
        "--start",
        default="together",
        choices=["together", "ramp"],
        help="together: send once everybody has joined; ramp: each from its joining on",
    )
    add(
        "--reconnect",
        action="store_true",
        default=False,
        help="members that the server closes come back, and the result tells what that cost them",
    )
    add(
        "--protocol",
        default="raw",
        choices=["raw", PROTOCOL],
        help=f"of a relay's members; {PROTOCOL} with --reconnect: nothing is missed, nothing twice",
    )
    add(
        "--one-order",
        action="store_true",
        default=False,
        help="check that all receivers of a room saw its messages in one order, whoever sent them",
    )
    add(
        "--compression",
        action="store_true",
        default=False,
        help="offer permessage-deflate, and use it where the server agrees",
    )
    add(
        "--ping-every",
        type=float,
        default=0.0,
        help="seconds between two pings of every connection, whose round trips are told; 0: none",
    )
    add(
        "--token",
        default="",
        is_secret=True,
        help="bearer token of all users, also from RELAY_TOKEN; empty: none",
    )
    add(
        "--token-file",
        default="",
        help="file of bearer tokens, one a line and user; empty: none. With neither, tokens are "
        "minted for each user where JWT_SECRET is in the environment",
    )
    add(
        "--ca",
        default="",
        help="file of certificate authorities to trust besides the system's; empty: none",
    )
    add("--certificate", default="", help="file of the clients' own certificate; empty: none")
    add("--key", default="", help="file of its key; empty: in the certificate's file")
    add(
        "--insecure",
        action="store_true",
        default=False,
        help="believe any certificate of the server; the report says so",
    )
    add(
        "--settle",
        type=float,
        default=5.0,
        help="seconds to wait for what is still missing after the last message was sent",
    )
    add("--late", type=float, default=1000.0, help="milliseconds from which a delivery is late")
    add(
        "--clocks-agree",
        action="store_true",
        default=False,
        help="the clocks of all hosts of this test are known to agree: do not mark latencies",
    )
    add(
        "--require",
        action=_Collect,
        default="",
        metavar="NAME=LIMIT",
        help="fail beyond this: p99=250,lost=0,throughput=100000 and so on; may be repeated",
    )
    add("--require-file", default="", help="TOML file of such limits; empty: none")
    add("--report", default="reports", help="folder for the result and its page; empty: none")
    add(
        "--rate",
        type=float,
        default=1000.0,
        help="steady: messages sent a second, by all senders together",
    )
    add("--rate-max", type=float, default=0.0, help="steady: climb from --rate to this; 0: stay")
    add("--rate-step", type=float, default=5.0, help="steady: seconds on each step of the climb")
    add(
        "--rate-factor",
        type=float,
        default=1.25,
        help="steady: each step of the climb is this many times the last",
    )
    add(
        "--lagging-every",
        type=int,
        default=5,
        help="lagging: every n-th member of a room lags; 0: none",
    )
    add(
        "--lagging-speed",
        type=int,
        default=0,
        help="lagging: bytes a second that such a member reads; 0: it does not read",
    )
