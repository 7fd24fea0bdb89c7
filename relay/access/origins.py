"""Which pages may use the relay: origins, as browsers send them (RFC 6454)."""

from collections.abc import Sequence


def origin_allowed(origin: str | None, host: str, allowed: Sequence[str]) -> bool:
    """Whether a page of this origin may connect.

    Programs that are no browsers send none, and could send any. The relay's own pages may.
    """
    if origin is None or "*" in allowed or origin in allowed:
        return True
    return origin.partition("://")[2] == host
