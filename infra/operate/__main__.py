"""`python -m infra.operate status`, `watch`, `hold` or `unhold`: look after a host."""

import argparse
import getpass
import os
import sys
import tempfile
import time
from pathlib import Path

from infra.launch.home import Home
from infra.operate import certificate, errand, status, watch
from infra.plan.access import Access, named
from infra.plan.refusal import Refusal


def main() -> int:
    """Run the command line; return its exit code: 0 if it was done, and all is well."""
    options = _parser().parse_args()
    hosts, worst = _hosts(options), 0
    for host in hosts:
        with tempfile.TemporaryDirectory(prefix="relay-") as private:
            try:
                access = _access(options, host, len(hosts) == 1, Path(private))
                worst = max(worst, _run(options, access, len(hosts) == 1))
            except Refusal as refusal:
                print(_annotated(str(refusal)), file=sys.stderr)
                worst = 1
    return worst


def _hosts(options: argparse.Namespace) -> list[str]:
    """Which to ask, one after the other; "" for the one that was launched, or that is public."""
    has_key = os.environ.get("HETZNER_SSH_KEY", "").strip()
    if options.domain or (options.command == "watch" and not options.host and not has_key):
        return [""]
    return named(options.host or os.environ.get("HETZNER_HOST", "")) or [""]


def _run(options: argparse.Namespace, access: Access | None, is_only: bool) -> int:
    if options.command == "watch":
        return _watch(options, access, is_only)
    assert access is not None, "only a watch does without a host"
    access.knock()
    if not is_only:
        print(f"{access.host}:")
    match options.command:
        case "status":
            found, days = errand.survey(access), None
            if found.domain:
                try:
                    days = certificate.days_left(found.domain, access.address)
                except Refusal as refusal:
                    print(f"relay: {refusal}", file=sys.stderr)
            print("\n".join(status.lines(found, days, time.time())))
        case "hold":
            who = os.environ.get("GITHUB_ACTOR") or getpass.getuser()
            errand.hold(access, who, " ".join(options.reason))
            print(f"no deploy gets to {access.host} until make unhold HOST={access.host}")
        case "unhold":
            errand.unhold(access)
            print(f"deploys to {access.host} are welcome again")
    return 0


def _watch(options: argparse.Namespace, access: Access | None, is_only: bool) -> int:
    domain = options.domain or os.environ.get("RELAY_DOMAIN", "").strip()
    if not access and not domain:
        raise Refusal("neither a host nor RELAY_DOMAIN is given: make watch HOST=203.0.113.7")
    said = watch.look(access, domain, options.hours, is_only)
    where = "" if is_only or access is None else f"{access.host}: "
    for sentence in said:
        print(_annotated(f"{where}{sentence}"), file=sys.stderr)
    if not said:
        host = ", and the host has what it needs" if access else "; the host was not asked"
        print(f"{where}all is well: a message came through{host}")
    return int(bool(said))


def _annotated(sentence: str) -> str:
    """As GitHub shows it above a run's log, or for a terminal."""
    return f"::error::{sentence}" if os.environ.get("GITHUB_ACTIONS") else f"relay: {sentence}"


def _access(
    options: argparse.Namespace, host: str, is_only: bool, directory: Path
) -> Access | None:
    """How to ask the host; none for a watch of what is public."""
    environment = os.environ.get
    if options.domain:
        return Home.of(options.domain).deploying()
    if options.command == "watch" and not host:
        return None
    return Access.prepare(
        host=host,
        user=options.username or "deploy",
        key_text=environment("HETZNER_SSH_KEY", ""),
        host_key=environment("HETZNER_HOST_KEY", ""),
        directory=directory,
        is_only=is_only,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.operate", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("status", help="what the host is like now")
    look = commands.add_parser("watch", help="is all well? exit code 1 and sentences if not")
    look.add_argument("--hours", type=float, default=24, help="restarts in so many hours count")
    hold = commands.add_parser("hold", help="no deploy gets through from here on")
    hold.add_argument("reason", nargs="*", help="told to whoever deploys")
    unhold = commands.add_parser("unhold", help="deploys again")
    for command in (show, look, hold, unhold):
        command.add_argument("--domain", help="what make launch made, with its keys")
        command.add_argument("--host", help="or several: a,b,c; HETZNER_HOST, if left out")
        command.add_argument("--username", help="deploy, if left out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
