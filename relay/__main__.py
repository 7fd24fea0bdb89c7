"""`python -m relay`: serve, mint a token, or look whether everything is as it should be."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from relay import __version__, logformat, server
from relay.access.access import Access
from relay.access.grants import MAX_LIFETIME, check_room_pattern
from relay.access.tokens import mint
from relay.doctor import report
from relay.edge.nats.errors import Unusable
from relay.edge.sockets import CannotListen
from relay.names import BadName, UserName, check
from relay.room.memory_log import MemoryLog
from relay.settings import Settings, SettingsError, table
from relay.values import seconds
from relay.web.app import NewLog


def main(arguments: Sequence[str] | None = None, new_log: NewLog = MemoryLog) -> int:
    """Run the command line; return its exit code: 2 for anything wrong in it or the settings.

    `new_log` makes the log of a room, for tests of other logs.
    """
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.load()
        if options.command == "doctor":
            return report.run(settings)
        if options.command == "token":
            print(_token(settings, options))
            return 0
        logformat.configure(settings.log_level, settings.log_format)
        return asyncio.run(server.serve(settings, new_log))
    except (SettingsError, CannotListen, Unusable, _Wrong) as error:
        print(f"relay: {error}".replace("\n", "\nrelay: "), file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before the signal handlers are in place
        return 130


class _Wrong(ValueError):
    """An argument that cannot be used."""


def _token(settings: Settings, options: argparse.Namespace) -> str:
    Access(settings)  # raises `SettingsError` for a secret that is none
    if settings.jwt_secret is None:
        raise _Wrong(
            "JWT_SECRET is not set: a token needs the secret that the relay checks it with"
        )
    try:
        lifetime = seconds(options.expires)
        user = UserName(check("user", options.user))
        rooms = [check_room_pattern(room) for room in options.room]
    except BadName as error:
        raise _Wrong(str(error)) from None
    except ValueError as error:
        raise _Wrong(f"--expires {options.expires}: {error}") from None
    if not (rooms or options.admin):
        raise _Wrong("--room is missing: which rooms is it for?")
    if not 1 <= lifetime <= MAX_LIFETIME:
        raise _Wrong(f"--expires {options.expires}: expected between 1s and 36500d")
    claims: dict[str, object] = {}
    if options.id is not None:
        claims["jti"] = options.id
    for claim, default in (("can_publish", True), ("can_subscribe", True), ("admin", False)):
        if (value := getattr(options, claim)) is not default:
            claims[claim] = value
    return mint(user, rooms, lifetime, settings.jwt_secret, **claims)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m relay",
        description="A WebSocket relay. Without a command it serves until SIGTERM.",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"relay {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    token = commands.add_parser("token", help="print a token that JWT_SECRET signs")
    token.add_argument("--user", required=True, help="who it is for")
    token.add_argument(
        "--room",
        action="append",
        default=[],
        help="where, or the beginning of names as in 'team-*'; may be repeated",
    )
    token.add_argument("--expires", default="1h", help="for how long, as in 30m, 12h, 7d")
    token.add_argument("--id", help="its jti, by which POST /revoke finds it")
    token.add_argument(
        "--no-publish", dest="can_publish", action="store_false", help="it only listens"
    )
    token.add_argument(
        "--no-subscribe", dest="can_subscribe", action="store_false", help="it only publishes"
    )
    token.add_argument("--admin", action="store_true", help="it may revoke and disconnect")
    commands.add_parser("doctor", help="look whether this machine and the settings fit together")
    return parser


def _settings_help() -> str:
    rows = table()
    names = max(len(name) for name, _, _ in rows)
    defaults = max(len(default) for _, default, _ in rows)
    lines = [f"  {name:<{names}}  {default:<{defaults}}  {text}" for name, default, text in rows]
    return "settings, read from the environment:\n" + "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
