"""Which pages may use the relay: origins, as browsers send them (RFC 6454)."""

from collections.abc import Sequence
from typing import Final

_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_WILDCARD: Final = "*."


def origin_allowed(origin: str | None, host: str, allowed: Sequence[str]) -> bool:
    """Whether a page of this origin may connect to the relay that it knows as `host`.

    Programs that are no browsers send none, and could send any. The relay's own pages may.
    `allowed` is as `Settings` gives it: exact origins, `*`, and hosts that begin with `*.`.
    """
    if origin is None or "*" in allowed:
        return True
    origin = origin.lower()
    if origin in allowed:
        return True
    scheme, _, own = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme, "")
    if own and own == host.lower().removesuffix(port):
        return True
    return any(_matches(origin, pattern) for pattern in allowed)


def _matches(origin: str, pattern: str) -> bool:
    scheme, _, host = pattern.partition("://")
    if not host.startswith(_WILDCARD):
        return False
    name = origin.removeprefix(f"{scheme}://")
    rest = host[1:]  # with its dot
    return name != origin and len(name) > len(rest) and name.endswith(rest) and name[0] != "."
