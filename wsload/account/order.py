"""Whether all receivers of a room can have seen its messages in one order, whoever sent them.

Each receiver says what came directly after what. If these steps contain a circle, no order of all
messages agrees with everybody; each knot of such circles counts once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

Step = tuple[int, int, int, int, str]
"""A message, the one that came next, each as its key and sequence number (64 and 32 bits: what a
worker can send), and the first receiver that saw it so."""

_SEQUENCE_BITS = 32


class Disagreement(NamedTuple):
    """Two receivers that cannot both be right, and how many messages are in the knot."""

    one: str
    other: str
    messages: int


def number_of(key: int, sequence: int) -> int:
    """A message as one number."""
    return key << _SEQUENCE_BITS | sequence


class Order:
    """The steps of all receivers of one process."""

    def __init__(self) -> None:
        self._next: dict[int, dict[int, str]] = {}
        self._last: dict[str, int] = {}

    def saw(self, receiver: str, message: int) -> None:
        """`receiver` got `message`, after everything that it got before."""
        last = self._last.get(receiver)
        self._last[receiver] = message
        if last is not None:
            self._next.setdefault(last, {}).setdefault(message, receiver)

    def steps(self) -> list[Step]:
        """What a worker shows."""
        return [
            (*_parts(message), *_parts(after), receiver)
            for message, afters in self._next.items()
            for after, receiver in afters.items()
        ]


def _parts(message: int) -> tuple[int, int]:
    """Key and sequence number."""
    return message >> _SEQUENCE_BITS, message & (1 << _SEQUENCE_BITS) - 1


def disagreements(steps: Iterable[Step]) -> list[Disagreement]:
    """The knots, the largest first; none: everybody can have seen one and the same order."""
    graph: dict[int, dict[int, str]] = defaultdict(dict)
    for key, sequence, next_key, next_sequence, receiver in steps:
        after = number_of(next_key, next_sequence)
        graph[number_of(key, sequence)].setdefault(after, receiver)
    found = []
    for knot in _knots(graph):
        receivers = sorted(
            {
                receiver
                for message in knot
                for after, receiver in graph.get(message, {}).items()
                if after in knot
            }
        )
        # One receiver alone makes a circle only with a copy, which is counted as repeated.
        if len(receivers) > 1:
            found.append(Disagreement(receivers[0], receivers[1], len(knot)))
    return sorted(found, key=lambda knot: -knot.messages)


def _knots(graph: dict[int, dict[int, str]]) -> Iterator[set[int]]:
    """Strongly connected components of more than one message (Tarjan, 1972), without recursion."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    on_path: set[int] = set()
    for root in list(graph):
        if root in index:
            continue
        work = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        path.append(root)
        on_path.add(root)
        while work:
            message, afters = work[-1]
            for after in afters:
                if after not in index:
                    index[after] = low[after] = len(index)
                    path.append(after)
                    on_path.add(after)
                    work.append((after, iter(graph.get(after, {}))))
                    break
                if after in on_path:
                    low[message] = min(low[message], index[after])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[message])
                if low[message] == index[message]:
                    knot = set()
                    while message not in knot:
                        knot.add(member := path.pop())
                        on_path.discard(member)
                    if len(knot) > 1:
                        yield knot
