"""The load tester's own options, beside Locust's: on the command line, in the environment as
`LOCUST_…`, and in the web page's form.

Every option has a typed default (the web page's form needs one); 0 or an empty text means what the
help says it means.
"""

from argparse import Action, Namespace
from typing import Any

from wsload.client.annotated import PROTOCOL


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
