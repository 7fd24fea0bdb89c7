"""`python -m infra.launch DOMAIN`: from an empty account to a relay that every push deploys."""

import argparse
import re
import shlex
import sys

from infra.launch.home import Home
from infra.launch.steps import Launch
from infra.plan.refusal import Refusal

# As ansible/roles/relay_host/tasks/domain.yml has it.
_DOMAIN = re.compile(r"([A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*")


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.launch", description=__doc__)
    parser.add_argument("domain", help="the name of the relay, such as relay.example.org")
    parser.add_argument("--host", default="", help="a Debian 13 of yours, instead of a new server")
    parser.add_argument("--username", default="root", help="who may administer it")
    parser.add_argument("--wait", type=float, default=3600, help="seconds for the DNS record")
    parser.add_argument("--arguments", default="", help="more, for the playbooks")
    options = parser.parse_args()
    try:
        if not _DOMAIN.fullmatch(options.domain):
            raise Refusal(f"DOMAIN={options.domain}: expected a name such as relay.example.org")
        Launch(
            home=Home.of(options.domain),
            domain=options.domain.lower(),
            host=options.host,
            username=options.username,
            wait=options.wait,
            arguments=tuple(shlex.split(options.arguments)),
        ).run()
    except Refusal as refusal:
        print(f"relay: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nrelay: run make launch again, which goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
