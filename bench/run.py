"""A load generator that checks every delivery at several million a second, on one core.

All messages of a run have one size, so what a client receives is an array of rows: numpy finds
what is lost, repeated or out of order, and how late each is after it *should* have been sent.

`python -m bench.run '{"ports": [8080], "clients": 100, ...}'` prints the result as JSON.
"""

import json
import select
import sys
import time
from dataclasses import asdict
from math import floor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.client import MASK, NOTES, Client, await_members, connect
from bench.frames import client_frame, server_header
from bench.latencies import Latencies
from bench.load import Load, Result
from bench.server import cpu_seconds

_STAMP: Final = np.dtype([("sender", "<u2"), ("sequence", "<u4"), ("intended", "<i8")])
_TEXT: Final = 0x81  # the first byte of a note; messages are binary here
_BUFFER: Final = 8 * 1024 * 1024  # bytes received before they are looked at
_READ: Final = 256 * 1024  # bytes taken from one socket at a time
_BURST: Final = 512  # messages built at once for one sender
_SETTLE: Final = 5.0  # seconds without a delivery after which the rest is missing,
_PATIENCE: Final = 10.0  # and seconds after the last message was due


class _Run:
    """One load on one server."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._clients = connect(load.clients, load.senders, load.ports, annotated=load.annotated)
        if load.is_shared:
            await_members(load.clients, load.ports)
        self._header = server_header(load.size)
        self._frame = len(self._header) + load.size  # bytes
        self._buffer = np.empty(_BUFFER + _READ + self._frame, np.uint8)
        pairs = load.clients * load.senders  # a pair is a client and the sender it hears
        self._next = np.zeros(pairs, np.int64)  # sequence number expected
        self._received = np.zeros(pairs, np.int64)
        self._latencies = Latencies()
        self._wrong = 0
        self._late = 0.0  # seconds
        self._template = client_frame(load.size)
        self._start = 0.0

    def run(self) -> Result:
        """Send at the rate, receive and check, until everything has arrived or time is up."""
        with select.epoll() as poll:
            return self._run(poll)

    def _run(self, poll: select.epoll) -> Result:
        load, clients = self._load, self._clients
        by_fd = {client.socket.fileno(): client for client in clients}
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        senders = clients[: load.senders]
        before = [cpu_seconds(pid) for pid in load.pids]
        self._start = start = time.monotonic() + 0.1
        end, last, finished = start + load.seconds, start, False
        while not finished:
            now = time.monotonic()
            if now >= start:
                for sender in senders:
                    self._build(sender, min(now, end) - start)
                    sender.send()
            ready = [by_fd[fd] for fd, _ in poll.poll(0)]  # a core of its own: no sleep
            if self._receive(ready, poll):
                last = time.monotonic()
            is_sent = now > end and not any(sender.unsent for sender in senders)
            finished = (is_sent and self._missing() == 0) or (
                now > end and (now > last + _SETTLE or now > end + _PATIENCE)
            )
        used = [cpu_seconds(pid) - then for pid, then in zip(load.pids, before, strict=True)]
        return self._result(last - start, used)

    def close(self) -> None:
        """Close all sockets."""
        for client in self._clients:
            client.socket.close()

    def _build(self, sender: Client, elapsed: float) -> None:
        """Build the messages that are due, unless the server does not take what there is."""
        due = min(floor(elapsed * self._load.rate - sender.phase) + 1 - sender.sent, _BURST)
        if due <= 0 or len(sender.unsent) > _READ or not sender.is_open:
            return
        if not sender.unsent:  # else it is the server that is late
            due_since = elapsed - (sender.sent + sender.phase) / self._load.rate
            self._late = max(self._late, due_since)
        sequence = np.arange(sender.sent, sender.sent + due)
        rows = np.repeat(self._template[None], due, axis=0)
        stamp = np.empty(due, _STAMP)
        stamp["sender"] = sender.index
        stamp["sequence"] = sequence
        stamp["intended"] = (sequence + sender.phase) * (1e6 / self._load.rate)
        at = len(self._template) - self._load.size
        key = np.resize(np.frombuffer(MASK, np.uint8), _STAMP.itemsize)
        rows[:, at : at + _STAMP.itemsize] = stamp.view(np.uint8).reshape(due, -1) ^ key
        sender.unsent += rows.tobytes()
        sender.sent += due

    def _receive(self, ready: list[Client], poll: select.epoll) -> bool:
        """Read every ready socket once; whole frames of all of them come to lie in one array."""
        filled = 0
        regions: list[tuple[Client, int, int]] = []  # client, first byte, frames
        view = memoryview(self._buffer)  # type: ignore[arg-type]
        for client in ready:
            start, tail = filled, client.tail
            view[start : start + len(tail)] = tail
            at = start + len(tail)
            try:
                size = client.socket.recv_into(view[at : at + _READ])
            except BlockingIOError:
                continue
            except ConnectionError:
                size = 0
            if not size:
                client.is_open = False
                poll.unregister(client.socket.fileno())
                continue
            end = at + size
            if client.is_annotated:
                end = self._pass_over_notes(start, end)
            frames = self._whole(start, end)
            filled = start + frames * self._frame
            left = end - filled
            client.tail = bytes(view[filled : filled + left])
            regions.append((client, start, frames))
            if filled >= _BUFFER:
                self._look(regions, filled)
                regions, filled = [], 0
        self._look(regions, filled)
        return bool(regions)

    def _pass_over_notes(self, start: int, end: int) -> int:
        """Take the whole notes out of what lies there in the buffer; return where it then ends."""
        data = NOTES.sub(b"", bytes(self._buffer[start:end]))
        self._buffer[start : start + len(data)] = np.frombuffer(data, np.uint8)
        return start + len(data)

    def _whole(self, start: int, end: int) -> int:
        """Return how many frames lie there; at the end there may be a part of one, or of a note."""
        frames = (end - start) // self._frame
        while frames and self._buffer[start + (frames - 1) * self._frame] == _TEXT:
            frames -= 1
        return frames

    def _look(self, regions: list[tuple[Client, int, int]], filled: int) -> None:
        rows = self._buffer[:filled].reshape(-1, self._frame)
        header = np.frombuffer(self._header, np.uint8)
        if not filled or any((rows[:, at] != byte).any() for at, byte in enumerate(header)):
            regions, filled = self._without_control_frames(regions)
            rows = self._buffer[:filled].reshape(-1, self._frame)
            if not filled:
                return
        stamp = np.ascontiguousarray(rows[:, len(header) : len(header) + _STAMP.itemsize])
        fields = stamp.view(_STAMP).ravel()
        sender = fields["sender"].astype(np.int64)
        sequence = fields["sequence"].astype(np.int64)
        now = (time.monotonic() - self._start) * 1e6
        self._latencies.add(int(now) - fields["intended"])
        client = np.repeat([c.index for c, _, _ in regions], [n for _, _, n in regions])
        self._check(client * self._load.senders + sender, sequence)

    def _check(self, pair: NDArray[np.int64], sequence: NDArray[np.int64]) -> None:
        """Check that each (client, sender) pair continues where it was, number by number."""
        # Runs in which nothing but the sequence number changes, by one.
        breaks = np.flatnonzero((np.diff(pair) != 0) | (np.diff(sequence) != 1)) + 1
        first = np.concatenate(([0], breaks))
        last = np.concatenate((breaks, [len(pair)])) - 1
        order = np.argsort(pair[first], kind="stable")
        pair, begin, end = pair[first][order], sequence[first][order], sequence[last][order]
        expected = self._next
        before = np.concatenate(([0], end[:-1] + 1))
        starts = np.concatenate(([True], pair[1:] != pair[:-1]))
        before[starts] = expected[pair[starts]]
        self._wrong += int((begin < before).sum())  # a gap shows in the sums, as lost
        np.add.at(self._received, pair, end - begin + 1)
        ends = np.concatenate((pair[1:] != pair[:-1], [True]))
        expected[pair[ends]] = end[ends] + 1

    def _without_control_frames(
        self, regions: list[tuple[Client, int, int]]
    ) -> tuple[list[tuple[Client, int, int]], int]:
        """Answer pings, note closes, and put the data frames back into the buffer: the slow way."""
        kept: list[tuple[Client, bytes]] = []
        for client, start, frames in regions:
            raw = bytes(self._buffer[start : start + frames * self._frame]) + client.tail
            data, at = [], 0
            while len(raw) - at >= 2:
                if raw[at] & 0x08:
                    size = 2 + raw[at + 1]
                    if len(raw) - at < size:
                        break
                    if raw[at] == 0x89:
                        client.unsent += b"\x8a\x80" + MASK
                        client.send()
                    at += size
                elif len(raw) - at >= self._frame:
                    data.append(raw[at : at + self._frame])
                    at += self._frame
                else:
                    break
            client.tail = raw[at:]
            kept.append((client, b"".join(data)))
        filled, again = 0, []
        for client, data_bytes in kept:
            end = filled + len(data_bytes)
            self._buffer[filled:end] = np.frombuffer(data_bytes, np.uint8)
            again.append((client, filled, len(data_bytes) // self._frame))
            filled = end
        return again, filled

    def _owed(self) -> NDArray[np.int64]:
        """Return how many messages each pair owes: everything, but nobody hears itself."""
        load = self._load
        sent = np.array([client.sent for client in self._clients[: load.senders]], np.int64)
        owed = np.tile(sent, (load.clients, 1))
        owed[np.arange(load.senders), np.arange(load.senders)] = 0
        return owed.reshape(-1)

    def _missing(self) -> int:
        return int(np.maximum(self._owed() - self._received, 0).sum())

    def _result(self, seconds: float, cpus: list[float]) -> Result:
        load = self._load
        deliveries = int(self._received.sum())
        return Result(
            offered=load.senders * load.rate * (load.clients - 1),
            delivered=deliveries / max(seconds, 1e-9),
            deliveries=deliveries,
            missing=self._missing(),
            wrong=self._wrong,
            closed=sum(not client.is_open for client in self._clients),
            p50=self._latencies.percentile(0.5),
            p99=self._latencies.percentile(0.99),
            worst=self._latencies.percentile(1.0),
            late=self._late * 1000,
            cpus=cpus,
        )


def measure(load: Load) -> Result:
    """Run the load against servers on this machine."""
    run = _Run(load)
    try:
        return run.run()
    finally:
        run.close()


def main() -> None:
    """Read a `Load` as JSON from the command line, print the `Result`."""
    arguments: dict[str, Any] = json.loads(sys.argv[1])
    print(json.dumps(asdict(measure(Load(**arguments)))))


if __name__ == "__main__":
    main()
