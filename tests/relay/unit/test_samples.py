"""The dashboard's samples go on when another process takes over."""

from typing import cast

from relay.account import Account
from relay.edge.counters import Counters
from relay.edge.roster import Roster
from relay.room.hub import Hub
from relay.web.live import FIELDS, Samples


def test_samples_of_a_release_with_fewer_fields_are_taken() -> None:
    """What it did not know is null; one with more keeps them, for a way back."""
    samples = Samples(cast(Hub, None), Roster(Account(), 0), Counters())  # it takes none itself
    samples.restore({"life": "a", "taken": 2, "kept": [[1.0, 5, 2], [*range(len(FIELDS) + 1)]]})
    older, newer = samples.since(0)
    assert older == (1.0, 5, 2, *(None,) * (len(FIELDS) - 3))
    assert len(newer) == len(FIELDS) + 1
    assert samples.snapshot()["taken"] == 2
