"""The DNS record of a domain: what to make, and whether it is there."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.plan.refusal import Refusal

_PAUSE = 10.0  # seconds between two looks


@dataclass(frozen=True)
class Place:
    """Where the server is."""

    host: str  # as ssh is told
    address: str  # for an A record; "" for none
    address6: str  # for an AAAA record; likewise
    others: tuple[str, ...] = ()  # that it has, too


def find(host: str) -> Place:
    """A server that is named by its address, or by a name of it."""
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, 22)]
    except OSError:
        raise Refusal(f"HOST={host} does not resolve: give the server's address") from None
    six = [address for address in found if ":" in address]
    four = [address for address in found if ":" not in address]
    return Place(host, (four or [""])[0], (six or [""])[0], tuple(found))


def records(domain: str, place: Place) -> list[str]:
    """As they are entered where the domain is."""
    lines = []
    if place.address:
        lines.append(f"{domain}.  A     {place.address}")
    if place.address6:
        hint = "   (for IPv6; may be left out)" if place.address else ""
        lines.append(f"{domain}.  AAAA  {place.address6}{hint}")
    return lines


def await_record(domain: str, place: Place, wait: float, say: Callable[[str], None]) -> None:
    """Return once the domain leads to the server and nowhere else; Refusal after `wait` seconds."""
    deadline = time.monotonic() + wait
    told = ""
    while problem := _problem(domain, {place.address, place.address6, *place.others}):
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
