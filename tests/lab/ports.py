"""Ports for programs that cannot be told to choose one themselves, and when they listen there."""

import socket
import subprocess
from contextlib import ExitStack

from tests.lab.waiting import until


def free_ports(address: str, count: int) -> list[int]:
    """Return so many different ports that nobody listens on."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server((address, 0))) for _ in range(count)]
        return [int(server.getsockname()[1]) for server in servers]


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
