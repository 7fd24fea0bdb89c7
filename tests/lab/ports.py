"""Ports for programs that cannot be told to choose one themselves, and when they listen there."""

import random
import socket
import subprocess
from contextlib import ExitStack, suppress

from tests.lab.waiting import until


def free_ports(address: str, count: int) -> list[int]:
    """Return so many different ports that nobody listens on."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server((address, 0))) for _ in range(count)]
        return [int(server.getsockname()[1]) for server in servers]


def lasting_ports(address: str, count: int) -> list[int]:
    """Return so many different ports that stay free while nobody listens there for a while.

    No connection gets one for its own end: those are of the range above (`ip_local_port_range`).
    """
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 1000):
        with suppress(OSError):
            socket.create_server((address, port)).close()
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"not {count} of 1,000 ports of {address} are free")


def until_listening(process: subprocess.Popen[bytes], address: str, port: int) -> None:
    """Return once somebody listens there; AssertionError if the process has ended."""

    def listens() -> bool:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            socket.create_connection((address, port), timeout=10).close()
        except OSError:
            return False
        return True

    until(listens, f"somebody listens on {address}:{port}")
