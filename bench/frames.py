"""Binary frames of one size: how the server's begin, and what a client sends (RFC 6455 §5.2)."""

import numpy as np
from numpy.typing import NDArray

from bench.client import MASK


def server_header(size: int) -> bytes:
    """Return what stands before each message from the server; `size` is below 65,536 bytes."""
    if size < 126:
        return bytes((0x82, size))
    return bytes((0x82, 126)) + size.to_bytes(2, "big")


def client_frame(size: int) -> NDArray[np.uint8]:
    """Return a client's frame of zeros, masked; whoever fills in a stamp masks it."""
    header = server_header(size)
    head = header[:1] + bytes((header[1] | 0x80,)) + header[2:] + MASK
    key = np.resize(np.frombuffer(MASK, np.uint8), size)
    return np.concatenate((np.frombuffer(head, np.uint8), key))
