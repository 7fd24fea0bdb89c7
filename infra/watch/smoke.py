"""Does what serves there answer, and carry a message? `make smoke`, from anywhere, without SSH."""

import argparse
import asyncio
import os
import secrets
import sys
from pathlib import Path

import aiohttp

from infra.plan.access import named
from infra.watch.public import Address
from infra.watch.visitor import Wrong, visit

_PATIENCE = 20.0  # seconds


def main() -> int:
    """Run the command line; return its exit code: 0 if the relay does what it is for."""
    parser = argparse.ArgumentParser(prog="python -m infra.watch.smoke", description=__doc__)
    parser.add_argument("--host", default=os.environ.get("HETZNER_HOST", "").strip())
    parser.add_argument("--domain", default=os.environ.get("RELAY_DOMAIN", "").strip())
    parser.add_argument("--commit", default="", help="what /health has to name")
    parser.add_argument("--summary", metavar="FILE", help="append the result, in Markdown")
    options = parser.parse_args()
    hosts = named(options.host)
    if not hosts and not options.domain:
        parser.error("neither host nor domain is given: make smoke HOST=203.0.113.7")
    if options.domain:  # whichever host it leads to
        hosts = hosts[:1] or [""]
    worst = 0
    for at, host in enumerate(hosts):
        # The address may be a secret: it is left out of what is published.
        which = "the host's address" if len(hosts) == 1 else f"the address of host {at + 1}"
        where = options.domain or which
        code, sentence = asyncio.run(_check(Address(options.domain, host), options.commit))
        worst = max(worst, code)
        text = f"Smoke test of {where}: {sentence}"
        print(text, file=sys.stderr if code else sys.stdout)
        if options.summary:
            with Path(options.summary).open("a") as file:
                file.write(f"\n{text}\n")
    return worst


async def _check(address: Address, commit: str) -> tuple[int, str]:
    try:
        async with asyncio.timeout(_PATIENCE):
            took = await visit(address, commit, f"smoke-{secrets.token_hex(4)}", {})
    except aiohttp.WSServerHandshakeError as error:
        if error.status != 401:
            return 1, f"the handshake was answered {error.status}, expected 101"
        return 0, "/health answers; the relay asks for tokens, so no message was tried"
    except TimeoutError:
        return 1, f"no answer within {_PATIENCE:g} s"
    except (OSError, aiohttp.ClientError, ValueError, KeyError, Wrong) as error:
        return 1, str(error) or type(error).__name__
    return 0, f"a message took {took:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
