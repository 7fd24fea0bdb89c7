"""Commands on the host, by pyinfra's connection."""

import shlex

import gevent
from paramiko import SSHException
from pyinfra import host, logger

from infra.plan.plan import Plan
from infra.plan.refusal import Refusal


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
    for line in lines[:-1]:
        logger.info(f"    {line}")
    raise Refusal(lines[-1] if lines else f"the connection to {host.name} was lost")
