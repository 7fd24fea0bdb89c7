"""The HTTP status that a server of the lab answers with."""

from typing import Final

from tests.lab.engine import run
from tests.lab.waiting import until

SITE: Final = "404"  # what Caddy answers on the path below


def status(address: str, port: int = 80, *via: str) -> str:
    """Return the HTTP status that an address answers with; "000" if it does not answer.

    Without a relay Caddy tries for seconds; that it hides the relay's counters it says at once.
    """
    path = "metrics" if port == 80 else ""
    return run(
        *(*via, "curl", "-s", "-m", "2", "-o", "/dev/null", "-w", "%{http_code}"),
        f"http://{address}:{port}/{path}",
        check=False,
    )


def until_status(expected: str, address: str, port: int = 80, *via: str) -> None:
    """Wait for this status: a busy machine may need more than one try."""
    until(lambda: status(address, port, *via) == expected, f"{address}:{port} answers {expected}")
