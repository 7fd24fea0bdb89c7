"""What workers and master tell each other: plain types, as Locust's messages carry them.

worker                                    master
everybody here has joined, or failed  →   when all workers have said so: start, all at once
seconds, with Locust's own reports    →   added up
                                      ←   how many send everywhere, and at which rate
                                      ←   hush: stop sending, show your books
books                                 →   audited as one; asked again until nothing is missing
                                          or the settle time is over
"""

from typing import TypedDict

from wsload.account.ledger import Books
from wsload.account.order import Step
from wsload.run.recorder import Sample

ASSEMBLED, START, GONE = "load-assembled", "load-start", "load-gone"
HUSH, BOOKS, TEMPO = "load-hush", "load-books", "load-tempo"


class Note(TypedDict):
    """One second of one worker."""

    second: int
    samples: list[Sample]
    connections: int
    cpu: float
    senders: dict[str, int]


class Statement(TypedDict):
    """What a worker shows at the end."""

    books: Books
    notes: list[Note]
    started: float
    hushed: float
    users: dict[str, int]
    host: str
    clock_step: float
    failed: dict[str, int]
    closed: dict[str, int]
    reasons: list[tuple[str, str, int]]
    lagged: dict[str, int]
    returned: dict[str, int]
    behind: int
    unsent: int
    blocked: int
    silences: list[tuple[float, float]]
    steps: list[Step]
