"""The sockets that a relay listens on: bound anew, or taken over from another process."""

import asyncio
import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from relay.edge.handover import rendezvous
from relay.edge.handover.channel import Silent
from relay.settings import Settings

ANY: Final = "*"  # instead of an address

_NO_FAMILY: Final = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}  # a machine without IPv6
_MODE: Final = 0o660  # of the Unix socket: a proxy of the same group may connect
_ADVICE: Final = {
    errno.EADDRINUSE: "set PORT or LISTEN_ADDRESS to one that is free",
    errno.EACCES: "set PORT to 1024 or more, or run it with the right to use this one",
}


class CannotListen(Exception):
    """The address cannot be used; `str()` says why and what to do."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """A listening socket of another process; `where` is its LISTEN_ADDRESS or LISTEN_SOCKET."""

    socket: socket.socket
    where: str


async def open_sockets(
    settings: Settings, inherited: Sequence[Inherited] = (), obstacle: str = ""
) -> list[socket.socket]:
    """Return the sockets that the settings ask for; those inherited ones that fit are used.

    The others are closed. `obstacle` is why the relay that serves cannot hand over: its Unix socket
    is replaced. Raise `CannotListen` when one is not to be had.
    """
    sockets = []
    for listening in inherited:
        if _fits(listening, settings):
            sockets.append(listening.socket)
        else:
            listening.socket.close()
    if not any(sock.family != socket.AF_UNIX for sock in sockets):
        sockets += await _bind(settings, obstacle)
    if settings.listen_socket and not any(sock.family == socket.AF_UNIX for sock in sockets):
        try:
            if not obstacle and _is_served(settings.listen_socket):
                raise CannotListen(
                    f"another relay listens on {settings.listen_socket}; to take over from it, "
                    "set HANDOVER_SOCKET for both"
                )
            sockets.append(rendezvous.bind(settings.listen_socket, _MODE))
        except (rendezvous.NotOurs, CannotListen) as error:
            for sock in sockets:
                sock.close()
            raise CannotListen(str(error)) from None
    return sockets


def urls(sockets: Sequence[socket.socket]) -> str:
    """Return the addresses at which a browser would find the relay."""
    return ", ".join(_url(sock) for sock in sockets if sock.family != socket.AF_UNIX)


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_served(path: Path) -> bool:
    try:
        sock = rendezvous.find(path)
    except Silent:
        return True
    if sock is not None:
        sock.close()
    return sock is not None


def _fits(listening: Inherited, settings: Settings) -> bool:
    if listening.socket.family == socket.AF_UNIX:
        return listening.where == str(settings.listen_socket)
    port = listening.socket.getsockname()[1]
    return listening.where == ",".join(settings.listen_address) and settings.port in (0, port)


async def _bind(settings: Settings, obstacle: str) -> list[socket.socket]:
    """Return sockets bound to all of LISTEN_ADDRESS; a free port is the same for all of them."""
    sockets: list[socket.socket] = []
    try:
        for host in settings.listen_address:
            port = settings.port or (sockets[0].getsockname()[1] if sockets else 0)
            sockets += await _bind_one(host, port, obstacle)
    except CannotListen:
        for sock in sockets:
            sock.close()
        raise
    return sockets


async def _bind_one(host: str, port: int, obstacle: str) -> list[socket.socket]:
    try:
        return await bind(host, port)
    except OSError as error:
        number = error.errno or 0  # negative where the name was not found
        reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        advice = _ADVICE.get(number, "set LISTEN_ADDRESS to an address of this machine")
        if obstacle and number == errno.EADDRINUSE:
            advice = f"stop the relay that serves there, which cannot hand over: {obstacle}"
        raise CannotListen(
            f"cannot listen on {host} port {port}: {reason.lower()}; {advice}"
        ) from None
    except UnicodeError:
        raise CannotListen(
            f"cannot listen on {host} port {port}: not an address or the name of a host; "
            "set LISTEN_ADDRESS to an address of this machine"
        ) from None


async def bind(host: str, port: int) -> list[socket.socket]:
    """Return a socket bound to each address of `host`; raise `OSError` when one is not to be had.

    `*` is every address of IPv4, and of IPv6 where this machine has it. With port 0 the first takes
    a free one, and the others the same.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        None if host == ANY else host,
        port,
        type=socket.SOCK_STREAM,
        flags=socket.AI_PASSIVE,
        proto=socket.IPPROTO_TCP,
    )
    # IPv4 first: it is what the log's first address and a free port are taken from.
    found.sort(key=lambda each: each[0] != socket.AF_INET)
    sockets: list[socket.socket] = []
    try:
        for family, kind, proto, _, address in dict.fromkeys(found):
            if port == 0 and sockets:
                address = (address[0], sockets[0].getsockname()[1], *address[2:])
            try:
                sockets.append(_bound(family, kind, proto, address))
            except OSError as error:
                if not (host == ANY and sockets and error.errno in _NO_FAMILY):
                    raise
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bound(family: int, kind: int, proto: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
