"""The release's script on the host, verb by verb (templates/release.sh)."""

import shlex

import gevent
from paramiko import SSHException
from pyinfra import host, logger

from infra.plan.plan import Plan
from infra.plan.refusal import Refusal

ROOT = "/opt/relay"
_SLACK = 120  # seconds that a verb may take beside waiting for the lock


def directory_of(release: str) -> str:
    return f"{ROOT}/releases/{release}"


def call(release: str, verb: str, *arguments: str) -> None:
    """Run a verb that waits for the host's lock, and show what it says."""
    plan = Plan.load()
    lines = run(
        [f"{directory_of(release)}/release.sh", verb, str(plan.wait), plan.actor, *arguments],
        plan.wait + _SLACK,
    )
    for line in lines:
        logger.info(f"    {line}")


def run(command: list[str], timeout: float) -> list[str]:
    """Run a command within `timeout` seconds; return what it printed."""
    try:
        # pyinfra's own timeout does not cover the opening of a channel, which waits for an hour.
        with gevent.Timeout(timeout, TimeoutError(f"no answer within {timeout:g} s")):
            worked, output = host.run_shell_command(
                shlex.join(command), _su_user=Plan.load().access.owner
            )
    except (SSHException, OSError, EOFError) as error:
        words = str(error) or type(error).__name__
        raise Refusal(f"the connection to {host.name} was lost: {words}") from None
    if worked:
        return list(output.stdout_lines)
    lines = [line.line for line in output]
    if lines and lines[-1].endswith("release.sh: not found"):
        raise Refusal("a later release was deployed meanwhile, and this one was removed")
    for line in lines[:-1]:
        logger.info(f"    {line}")
    raise Refusal(lines[-1] if lines else f"the connection to {host.name} was lost")
