"""The DNS record of a domain: what to make, and whether it is there."""

import socket
import time
from collections.abc import Callable

from infra.plan.refusal import Refusal

_PAUSE = 10.0  # seconds between two looks


def records(domain: str, address: str, address6: str) -> list[str]:
    """As they are entered where the domain is."""
    lines = [f"{domain}.  A     {address}"]
    return lines + (
        [f"{domain}.  AAAA  {address6}   (for IPv6; may be left out)"] if address6 else []
    )


def await_record(
    domain: str, address: str, address6: str, wait: float, say: Callable[[str], None]
) -> None:
    """Return once the domain leads to the server and nowhere else; Refusal after `wait` seconds."""
    deadline = time.monotonic() + wait
    told = ""
    while problem := _problem(domain, {address, address6}):
        if time.monotonic() >= deadline:
            raise Refusal(
                f"{problem}: make the record above where the domain is, and run make launch again,"
                " which goes on from here"
            )
        if problem != told:
            say(f"{problem}: waiting for the record")
            told = problem
        time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))


def _problem(domain: str, expected: set[str]) -> str:
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(domain, 443)}
    except OSError:
        return f"{domain} does not resolve"
    elsewhere = sorted(found - expected)
    return f"{domain} leads to {', '.join(elsewhere)}" if elsewhere else ""
