"""The container's health check: exit 0 when `/ready` answers 200, else say why on one line.

It asks by TCP: a Unix socket is served by whichever relay has taken over last, in any container.
It runs every few seconds beside the relay, so it imports next to nothing: a fifth of the time that
an HTTP library would take to load.
"""

import os
import socket
import sys

_TIMEOUT = 2.0  # seconds
# Where a relay is asked that listens on every address of a family: by that family's loopback.
_LOOPBACK = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def address() -> tuple[str, int]:
    """Return where the relay of this environment can be asked: its first address."""
    first = os.environ.get("LISTEN_ADDRESS", "").split(",")[0].strip().strip("[]")
    return _LOOPBACK.get(first, first), int(os.environ.get("PORT") or 8080)


def ask() -> tuple[bytes, str]:
    """Return the head and the body of the answer to `/ready`; raise `OSError` if there is none."""
    with socket.create_connection(address(), _TIMEOUT) as connection:
        connection.sendall(b"GET /ready HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body.decode(errors="replace")


def main() -> int:
    """Ask the relay of this container; return the exit code."""
    try:
        head, body = ask()
    except OSError as error:
        host, port = address()
        print(f"no answer from {host} on port {port}: {error}")
        return 1
    print(body)
    return 0 if head.split(b" ")[1:2] == [b"200"] else 1


if __name__ == "__main__":
    sys.exit(main())
