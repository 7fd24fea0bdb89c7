"""Is all well? A message through the public address, the certificate, the host."""

import asyncio
import secrets
import time

import aiohttp

from infra.operate import certificate, errand, findings
from infra.plan.access import Access
from infra.plan.refusal import Refusal
from infra.watch.public import Address
from infra.watch.visitor import Wrong, visit

_PATIENCE = 20.0  # seconds for one message
_TRIES = 3  # a network has its moments
_PAUSE = 5.0  # seconds between two


def look(access: Access | None, domain: str, hours: float, is_only: bool = True) -> list[str]:
    """Sentences about what is wrong, with restarts in the last so many hours; none: all is well.

    Without access to the host, only what is public is looked at. `is_only`: no other host has the
    domain, so what DNS leads to is meant.
    """
    said: list[str] = []
    room = f"watch-{secrets.token_hex(4)}"
    tokens: dict[str, str] = {}
    if access:
        try:
            access.knock()
            found = errand.survey(access)
        except Refusal as refusal:
            said.append(f"the host cannot be asked: {refusal}")
        else:
            domain = domain or found.domain
            said += findings.of_host(found, time.time(), hours)
            if any(service.name == "relay" for service in found.running):
                tokens = _tokens(access, room, said)
    address = access.address if access else domain
    said += _message(Address(domain, address, is_only), room, tokens)
    if domain:
        try:
            said += findings.of_certificate(certificate.days_left(domain, address))
        except Refusal as refusal:
            said.append(str(refusal))
    return said


def _tokens(access: Access, room: str, said: list[str]) -> dict[str, str]:
    """By visitor; empty where the relay asks for none, or makes none, which is told."""
    try:
        return errand.tokens(access, ("visitor-1", "visitor-2"), room)
    except Refusal as refusal:
        said.append(f"the relay makes no token: {refusal}")
        return {}


def _message(address: Address, room: str, tokens: dict[str, str]) -> list[str]:
    words = ""
    for attempt in range(_TRIES):
        time.sleep(_PAUSE if attempt else 0)
        try:
            asyncio.run(asyncio.wait_for(visit(address, "", room, tokens), _PATIENCE))
            return []
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 401 and not tokens:
                return []  # it answers, and asks for a token that only the host can make
            words = f"the handshake was answered {error.status}"
        except (OSError, aiohttp.ClientError, ValueError, KeyError, Wrong) as error:
            words = str(error) or type(error).__name__
    return [f"no message came through the public address: {words}"]
