"""The public address of a relay, as clients reach it: through DNS, Caddy and TLS."""

import ipaddress
import socket
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver


@dataclass(frozen=True)
class Address:
    """A domain with TLS, or without one the host itself and plain HTTP."""

    domain: str  # "" for none
    host: str
    is_only: bool = True  # else DNS may lead to another host that has the domain, too

    def url(self, scheme: str, path: str) -> str:
        """With `scheme` http or ws, made secure where there is a domain."""
        if self.domain:
            return f"{scheme}s://{self.domain}{path}"
        return f"{scheme}://{_bracketed(self.host)}{path}"

    def session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(resolver=_Resolver(self), limit=0)
        return aiohttp.ClientSession(connector=connector)


class _Resolver(AbstractResolver):
    """DNS; where that does not know the domain (yet), or not which host, the one that is meant."""

    def __init__(self, address: Address) -> None:
        self._dns = DefaultResolver()
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        is_ours = host == self._address.domain
        if not is_ours or self._address.is_only:
            try:
                return await self._dns.resolve(host, port, family)
            except OSError:
                if not is_ours:
                    raise
        return await self._dns.resolve(self._address.host, port, family)

    async def close(self) -> None:
        await self._dns.close()


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
