"""The sockets that a relay listens on: bound anew, or taken over from another process."""

import errno
import os
import socket
from collections.abc import Sequence
from typing import Final

from relay.edge.handover import rendezvous
from relay.edge.listener import bind
from relay.settings import Settings

_MODE: Final = 0o660  # of the Unix socket: a proxy of the same group may connect
_ADVICE: Final = {
    errno.EADDRINUSE: "set PORT or LISTEN_ADDRESS to one that is free",
    errno.EACCES: "set PORT to 1024 or more, or run it with the right to use this one",
}


class CannotListen(Exception):
    """The address cannot be used; `str()` says why and what to do."""


async def open_sockets(
    settings: Settings, inherited: Sequence[socket.socket]
) -> list[socket.socket]:
    """Return the sockets that the settings ask for; those inherited ones that fit are used.

    The others are closed. Raise `CannotListen` when one is not to be had.
    """
    sockets = []
    for sock in inherited:
        if _fits(sock, settings):
            sockets.append(sock)
        else:
            sock.close()
    if not any(sock.family != socket.AF_UNIX for sock in sockets):
        sockets += await _bind(settings)
    if settings.listen_socket and not any(sock.family == socket.AF_UNIX for sock in sockets):
        try:
            if rendezvous.find(settings.listen_socket) is not None:
                raise CannotListen(
                    f"another relay listens on {settings.listen_socket}; to take over from it, "
                    "set HANDOVER_SOCKET for both"
                )
            sockets.append(rendezvous.bind(settings.listen_socket, _MODE))
        except rendezvous.NotOurs as error:
            raise CannotListen(str(error)) from None
    return sockets


def urls(sockets: Sequence[socket.socket]) -> str:
    """Return the addresses at which a browser would find the relay."""
    return ", ".join(_url(sock) for sock in sockets if sock.family != socket.AF_UNIX)


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _fits(sock: socket.socket, settings: Settings) -> bool:
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        # It was bound under another name, and renamed; there is one Unix socket only.
        return settings.listen_socket is not None
    return settings.port in (0, name[1])


async def _bind(settings: Settings) -> list[socket.socket]:
    """Return sockets bound to all of LISTEN_ADDRESS; a free port is the same for all of them."""
    sockets: list[socket.socket] = []
    try:
        for host in settings.listen_address:
            port = settings.port or (sockets[0].getsockname()[1] if sockets else 0)
            sockets += await _bind_one(host, port)
    except CannotListen:
        for sock in sockets:
            sock.close()
        raise
    return sockets


async def _bind_one(host: str, port: int) -> list[socket.socket]:
    try:
        return await bind(host, port)
    except OSError as error:
        number = error.errno or 0  # negative where the name was not found
        reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        advice = _ADVICE.get(number, "set LISTEN_ADDRESS to an address of this machine")
        raise CannotListen(
            f"cannot listen on {host} port {port}: {reason.lower()}; {advice}"
        ) from None
    except UnicodeError:
        raise CannotListen(
            f"cannot listen on {host} port {port}: not an address or the name of a host; "
            "set LISTEN_ADDRESS to an address of this machine"
        ) from None
