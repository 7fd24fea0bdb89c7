"""`python -m infra deploy` or `rollback`: decide, have pyinfra do it, sum it up."""

import argparse
import getpass
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from infra.plan.access import Access
from infra.plan.journal import Journal
from infra.plan.plan import Plan
from infra.plan.refusal import Refusal
from infra.plan.release import Release
from infra.plan.summary import markdown


def main() -> int:
    """Run the command line; return its exit code: 0 if the wanted release serves."""
    options = _parser().parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="relay-") as private:
        directory = Path(private)
        title, journal = f"{options.command.capitalize()}", Journal.of(directory)
        try:
            plan = _plan(options, directory)
            name = plan.release.name if plan.release else "rollback"
            title = f"{title} of {name} to {plan.access.host}" if plan.release else title
            print(f"relay: {title.lower() if not plan.release else title}", flush=True)
            plan.access.knock()
            _warn_about_host_key(plan.access)
            _run_pyinfra(plan, options.command)
        except Refusal as refusal:
            journal.fail(str(refusal))
        journal.read()
        if "target" in journal.facts:
            title = f"Rollback to {journal.facts['target']}"
        text = markdown(f"{title}, {time.monotonic() - started:.0f} s", journal)
        print(f"\n{text}", flush=True)
        if options.summary:
            with Path(options.summary).open("a") as file:
                file.write(text)
    if journal.failure:
        print(f"relay: {journal.failure}", file=sys.stderr)
        return 1
    return 0


def _plan(options: argparse.Namespace, directory: Path) -> Plan:
    environment = os.environ.get
    access = Access.prepare(
        host=options.host or environment("HETZNER_HOST", "").strip(),
        user=options.username or environment("HETZNER_USERNAME", "").strip() or "deploy",
        key_text=environment("HETZNER_SSH_KEY", ""),
        host_key=environment("HETZNER_HOST_KEY", ""),
        directory=directory,
    )
    is_deploy = options.command == "deploy"
    return Plan(
        directory=directory,
        access=access,
        domain=environment("RELAY_DOMAIN", "").strip(),
        release=Release.of_checkout() if is_deploy else None,
        target="" if is_deploy else options.release,
        actor=environment("GITHUB_ACTOR", "") or getpass.getuser(),
        force=is_deploy and options.force,
        wait=options.wait,
        witnesses=options.witnesses,
    )


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
        command.add_argument("--host", help="HETZNER_HOST, if left out")
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
