"""Where in a client's byte stream its last whole message ended, and the bytes since then.

The compiled frame reader keeps its state to itself. But a reader that is fed these bytes anew
stands where the old one stands; what it then yields has been dealt with already. So they are what
another process needs to go on in the middle of a message, and their number is what is unfinished.

It counts: when the least sizes of all frames that the reader has returned add up to what was read,
the read ended with a message, and nothing is kept. Only where the count does not come out does it
walk from header to header. A client that sends frames without a mask beside others with longer
headers than they need can make a wrong count come out. It deceives only itself: nothing else
depends on where its messages end.
"""

from typing import Final

LEAST_HEAD: Final = 6  # bytes of a client's shortest frame: two, and four of mask

_LONGEST_HEAD: Final = 14  # bytes
_LARGE: Final = 16 * 1024  # bytes of a read that is kept as it came
_MASKED: Final = 0x80
_FINAL: Final = 0x80
_OPCODE: Final = 0x0F
_FIRST_CONTROL: Final = 0x8  # this opcode and above (RFC 6455 §5.2)


class BadFrame(ValueError):
    """A header that no client may send; `str()` says why."""


class Boundary:
    """Follows one client's stream; `size` is how many bytes there are since its last message.

    While `number` is the same, more bytes come behind those that there are.
    """

    __slots__ = ("_ends", "_head", "_is_open", "_next", "_pieces", "number", "size")

    def __init__(self) -> None:
        self.size = 0
        self.number = 0
        self._pieces: list[bytes | bytearray] = []  # since the last boundary
        self._next = 0  # where in these bytes, or beyond them, the next frame begins
        self._head = b""  # what has come of that frame's header, where it is not whole
        self._is_open = False  # whether that frame stands between fragments of a message
        self._ends = True  # whether a message ends before that frame

    def kept(self, start: int = 0, most: int | None = None) -> bytes:
        """Return the bytes since the last boundary, from `start` on and at most so many."""
        end = self.size if most is None else min(self.size, start + most)
        found, at = [], self.size
        for piece in reversed(self._pieces):  # what is asked for is mostly the end
            if at <= start:
                break
            at -= len(piece)
            if at < end:
                found.append(piece[max(0, start - at) : end - at])
        return b"".join(reversed(found))

    def cut(self, data: bytes, frames: int) -> int:
        """Return where the first `frames` frames end in `data`, which comes next; else its size.

        It looks at headers only, and changes nothing.
        """
        head = len(self._head)
        window = self._head + data
        at = self._next - self.size + head
        end = len(window) - _LONGEST_HEAD
        for _ in range(frames):
            if at > end:
                return len(data)
            length = window[at + 1] & 0x7F
            if length < 126:
                at += LEAST_HEAD + length
            elif length == 126:
                at += LEAST_HEAD + 2 + (window[at + 2] << 8 | window[at + 3])
            else:
                at += LEAST_HEAD + 8 + int.from_bytes(window[at + 2 : at + 10], "big")
        return min(at - head, len(data))

    def feed(self, data: bytes, whole: int) -> int:
        """Follow `data`, in which messages ended whose frames take `whole` bytes at least.

        Return by how much `size` has changed; raise `BadFrame` for a header no client may send.
        """
        if whole == len(data) and not self.size and data[1] & _MASKED:
            return 0
        before = self.size
        self._walk(data)
        return self.size - before

    def _walk(self, data: bytes) -> None:
        before = self.size - len(self._head)  # bytes in front of `window`
        window = self._head + data if self._head else data
        end = len(window)
        at = self._next - before
        boundary = -1
        while True:
            if self._ends and at <= end:
                boundary = at
            size = _frame_size(window, at)
            if size is None:
                break
            self._pass(window[at])
            at += size
        self._head = window[at:]
        if boundary < 0:
            self._next = before + at
        else:
            self._pieces.clear()
            self.number += 1
            self.size = 0
            data = window[boundary:]
            self._next = at - boundary
        self._keep(data)

    def _keep(self, data: bytes) -> None:
        """Keep large reads as they came, small ones together: nothing large grows by copying."""
        self.size += len(data)
        if len(data) >= _LARGE:
            self._pieces.append(data)
        elif data:
            if not self._pieces or len(self._pieces[-1]) >= _LARGE:
                self._pieces.append(bytearray())
            self._pieces[-1] += data

    def _pass(self, first: int) -> None:
        """Go on behind a frame whose header begins with this byte."""
        opcode = first & _OPCODE
        if opcode < _FIRST_CONTROL:
            if opcode and self._is_open:
                raise BadFrame("a message begins before the last one has ended")
            self._is_open = not first & _FINAL
        self._ends = not self._is_open


def _frame_size(window: bytes, at: int) -> int | None:
    """Return the size in bytes of the frame whose header begins there; None if that is not whole.

    Raise `BadFrame` if it is not masked (RFC 6455 §5.1).
    """
    have = len(window) - at
    if have < 2:
        return None
    length = window[at + 1]
    if not length & _MASKED:
        raise BadFrame("frame from a client is not masked")
    length &= ~_MASKED
    if length < 126:
        return LEAST_HEAD + length
    extended = 2 if length == 126 else 8
    if have < 2 + extended:
        return None
    return LEAST_HEAD + extended + int.from_bytes(window[at + 2 : at + 2 + extended], "big")
