"""What the relay says of itself at /health, for the result."""

import json
import urllib.request
from typing import Any
from urllib.error import URLError

from wsload.client.handshake import Target

_TIMEOUT = 3.0  # seconds
_LARGEST = 1 << 20  # bytes; a relay with many members names them all
_FACTS = ("version", "commit", "deployed_at", "uptime_seconds")


def relay_facts(target: Target) -> dict[str, Any]:
    """Version, commit and the like, as far as the relay tells; empty where it does not."""
    scheme = "https" if target.scheme == "wss" else "http"
    request = urllib.request.Request(f"{scheme}://{target.authority}{target.path}/health")  # noqa: S310 - http(s) by construction
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT, context=target.context()) as answer:  # noqa: S310
            health = json.loads(answer.read(_LARGEST))
    except (URLError, OSError, ValueError):
        return {}
    if not isinstance(health, dict):
        return {}
    return {name: health[name] for name in _FACTS if name in health}
