"""A relay that asks for its key set whenever a token wants it, and waits a long time for it."""

import sys

import aiohttp

from relay import __main__
from relay.edge import key_sets

if __name__ == "__main__":
    key_sets.PAUSE = 0.0  # type: ignore[misc]
    key_sets.TIMEOUT = aiohttp.ClientTimeout(total=600)  # type: ignore[misc]
    sys.exit(__main__.main([]))
