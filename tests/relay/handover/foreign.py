"""A relay of another release: it reads and writes no format but number `FORMAT`."""

import os
import sys

from relay import __main__
from relay.edge.handover import predecessor, successor

if __name__ == "__main__":
    formats = (int(os.environ["FORMAT"]),)
    predecessor.READABLE = successor.READABLE = formats  # type: ignore[attr-defined,assignment]
    sys.exit(__main__.main([]))
