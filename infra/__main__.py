"""`python -m infra deploy` or `rollback`: decide, have pyinfra do it, sum it up."""

import argparse
import getpass
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from infra.plan.access import Access, named
from infra.plan.journal import Journal
from infra.plan.plan import Plan
from infra.plan.refusal import Refusal
from infra.plan.release import Release
from infra.plan.summary import markdown


def main() -> int:
    """Run the command line; return its exit code: 0 if the wanted release serves on all hosts."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="relay-") as private:
        started, journal = time.monotonic(), Journal.of(Path(private))
        try:
            plans = _plans(options, Path(private))
        except Refusal as refusal:
            journal.fail(str(refusal))
            _sum_up(options.command.capitalize(), started, journal.read(), options.summary)
            return _refuse(journal.failure)
        for at, plan in enumerate(plans):
            try:
                failure = _carry_out(plan, options)
            except KeyboardInterrupt:
                failure = (
                    f"interrupted: a switch that has begun on {plan.access.host} is finished there;"
                    f" look by make status HOST={plan.access.host}"
                )
            if failure:
                if len(plans) > 1:
                    print(_so_far(plans, at), file=sys.stderr)
                return _refuse(failure)
    return 0


def _refuse(failure: str) -> int:
    print(f"relay: {failure}", file=sys.stderr)
    return 1


def _so_far(plans: list[Plan], at: int) -> str:
    """Of several hosts: which are done, which failed, which nobody has touched."""
    words = [("done", plans[:at]), ("failed", [plans[at]]), ("untouched", plans[at + 1 :])]
    lists = [
        f"{word}: {', '.join(plan.access.host for plan in which)}" for word, which in words if which
    ]
    return f"relay: stopped. {'; '.join(lists)}"


def _carry_out(plan: Plan, options: argparse.Namespace) -> str:
    """Do it on one host, and sum it up; return why it failed, "" if it did not."""
    started, journal = time.monotonic(), Journal.of(plan.directory)
    title = options.command.capitalize()
    if plan.release:
        title = f"{title} of {plan.release.name} to {plan.access.host}"
    print(f"relay: {title if plan.release else title.lower()}", flush=True)
    try:
        plan.access.knock()
        _warn_about_host_key(plan.access)
        _run_pyinfra(plan, options.command)
    except Refusal as refusal:
        journal.fail(str(refusal))
    journal.read()
    if "target" in journal.facts:
        where = "" if plan.is_only else f" on {plan.access.host}"
        title = f"Rollback to {journal.facts['target']}{where}"
    _sum_up(title, started, journal, options.summary)
    return journal.failure


def _sum_up(title: str, started: float, journal: Journal, file: str | None) -> None:
    text = markdown(f"{title}, {time.monotonic() - started:.0f} s", journal)
    print(f"\n{text}", flush=True)
    if file:
        with Path(file).open("a") as summary:
            summary.write(text)


def _plans(options: argparse.Namespace, private: Path) -> list[Plan]:
    """One for each host, the first one first; of several, each can be reached."""
    environment = os.environ.get
    hosts = named(options.host or environment("HETZNER_HOST", "")) or [""]
    is_deploy = options.command == "deploy"
    release = Release.of_checkout() if is_deploy else None
    plans = []
    for number, host in enumerate(hosts):
        directory = private / str(number)
        directory.mkdir()
        access = Access.prepare(
            host=host,
            user=options.username or environment("HETZNER_USERNAME", "").strip() or "deploy",
            key_text=environment("HETZNER_SSH_KEY", ""),
            host_key=environment("HETZNER_HOST_KEY", ""),
            directory=directory,
            is_only=len(hosts) == 1,
        )
        plan = Plan(
            directory=directory,
            access=access,
            domain=environment("RELAY_DOMAIN", "").strip(),
            release=release,
            target="" if is_deploy else options.release,
            actor=environment("GITHUB_ACTOR", "") or getpass.getuser(),
            force=is_deploy and options.force,
            wait=options.wait,
            witnesses=options.witnesses,
            is_only=len(hosts) == 1,
        )
        plans.append(plan)
    if len(plans) > 1:
        for plan in plans:
            plan.access.knock()
    return plans


def _warn_about_host_key(access: Access) -> None:
    if access.known_hosts:
        return
    keys = access.host_keys()
    print(
        f"relay: warning: nothing says which host key {access.host} has, so whatever answers there"
        " is trusted: set HETZNER_HOST_KEY to the line that provisioning printed"
        + (f", if it is this one: {keys[0]}" if keys else ""),
        file=sys.stderr,
        flush=True,
    )


def _run_pyinfra(plan: Plan, command: str) -> None:
    """pyinfra in a process of its own: it patches the standard library for gevent."""
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-m", "pyinfra", "--yes", here / "inventory.py", here / f"{command}.py"],
        env={**os.environ, **plan.save(), "PYINFRA_PROGRESS": "off"},
        cwd=here.parent,
    )
    if done.returncode and not Journal.of(plan.directory).read().failure:
        raise Refusal("pyinfra could not finish: its own words are above")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    deploy = commands.add_parser("deploy", help="put this checkout on the host")
    rollback = commands.add_parser("rollback", help="go back to a release that has served")
    rollback.add_argument("release", nargs="?", default="", help="the one before, if left out")
    deploy.add_argument("--force", action="store_true", help="also a commit that is older")
    for command in (deploy, rollback):
        command.add_argument("--host", help="or several: a,b,c; HETZNER_HOST, if left out")
        command.add_argument("--username", help="HETZNER_USERNAME or deploy, if left out")
        command.add_argument(
            "--wait", type=int, default=60, help="seconds for another deploy to end"
        )
        command.add_argument(
            "--witnesses", type=int, default=4, help="clients that stay connected; 0 for none"
        )
        command.add_argument("--summary", metavar="FILE", help="append the summary, in Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
