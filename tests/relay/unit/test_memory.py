"""When memory is short, and who goes then."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from relay import process_memory
from relay.account import Account, cost
from relay.edge.load import Load
from relay.edge.memory import Memory
from relay.edge.roster import Roster
from relay.wire.closing import Close
from tests.process import ROOT
from tests.raw import encode
from tests.relay.unit.runtime import connect, make_runtime, receive
from tests.relay.unit.transport import Transport

MEGABYTE = 1_000_000


class _Client:
    """Holds so much, and weighs so much; gives it back when it is closed."""

    def __init__(self, account: Account, held: int, weight: float) -> None:
        self._account, self._load = account, Load(held, weight)
        account.sampled += held
        self.closed: list[str] = []

    def load(self, now: float) -> Load:
        return self._load

    def close(self, close: Close, patience: float) -> None:
        self.closed.append(close.text)
        self._account.sampled -= self._load.held

    def ignore(self) -> None: ...

    def abort(self) -> None: ...

    def announce_drain(self, seconds: float) -> None: ...

    def beat(self, now: float) -> int:
        return 0


def test_who_holds_most_and_moves_slowest_goes() -> None:
    """So many of them that there is memory again, and no more."""
    account = Account()
    roster = Roster(account, 10 * MEGABYTE)
    quick = _Client(account, 8 * MEGABYTE, weight=1)
    slow = _Client(account, 2 * MEGABYTE, weight=3)
    slower = _Client(account, MEGABYTE, weight=2)
    for client in (quick, slow, slower):
        roster.add(client, "")
    roster.relieve(now=100.0)
    assert slow.closed == ["relay is out of memory, and this client held 2000000 bytes"]
    assert not (quick.closed or slower.closed)


def test_who_holds_little_stays() -> None:
    """It would not help."""
    account = Account(batches=20 * MEGABYTE)
    roster = Roster(account, 10 * MEGABYTE)
    client = _Client(account, 1000, weight=1)
    roster.add(client, "")
    roster.relieve(now=100.0)
    assert not client.closed


def test_process_is_asked_to_give_back_before_its_figure_counts() -> None:
    """And not again for a while."""
    used, asked = [900], [0]

    def trim() -> None:
        asked[0] += 1
        used[0] = 500

    memory = Memory(1000, 100, lambda: used[0], trim)
    assert not memory.is_short(0, now=100.0)
    assert asked == [1]
    used[0] = 900
    assert memory.is_short(0, now=101.0)
    assert asked == [1]
    assert not memory.is_short(0, now=120.0)


def test_account_decides() -> None:
    """Whatever the process uses."""
    memory = Memory(1000, 100, lambda: 0, lambda: None)
    assert not memory.is_short(120, now=0.0)
    assert memory.is_short(121, now=0.0)


async def test_unfinished_message_counts_with_its_pieces() -> None:
    """It is held twice, and each read of it costs."""
    runtime = make_runtime()
    alice = connect(runtime, "alice", Transport(10**6))
    account = runtime.terms.account
    message = encode(2, bytes(1000))
    receive(alice, message[:200])
    for index in range(200, 300, 2):
        receive(alice, message[index : index + 2])
    assert (account.unfinished, account.pieces) == (300, 51)
    assert account.held == cost(300, 51) == 600 + 64 * 51
    receive(alice, message[300:])
    alice.session.room.flush()
    assert account.count == 1
    assert account.held == account.batches + 700  # the message, and what a batch costs
    receive(alice, message[:200])
    alice.connection_lost(None)
    assert (account.unfinished, account.pieces) == (0, 0)


def test_limit_of_the_own_control_group_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of those that it is in: a systemd unit has one."""
    own = tmp_path / "cgroup"
    own.write_text("0::/system.slice/relay.service\n")
    (tmp_path / "system.slice" / "relay.service").mkdir(parents=True)
    (tmp_path / "system.slice" / "relay.service" / "memory.max").write_text("max\n")
    (tmp_path / "system.slice" / "memory.max").write_text("123456789\n")
    monkeypatch.setattr(process_memory, "_OWN_GROUP", own)
    monkeypatch.setattr(process_memory, "_GROUPS", ((tmp_path, "memory.max"),))
    assert process_memory.limit() == 123456789


_LARGE_BLOCKS = """
from relay import process_memory
process_memory.give_back_large_blocks()
before = process_memory.resident()
first = b"1" * 10_000_000
del first
large, small = [], []
for _ in range(10):
    large.append(b"1" * 5_000_000)
    small.append(b"1" * 200_000)
del large
print(process_memory.resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator of GNU's C library")
def test_large_blocks_do_not_stay_with_the_process() -> None:
    """What is small and lives on does not keep what was large and is free."""
    spent = int(subprocess.check_output([sys.executable, "-c", _LARGE_BLOCKS], cwd=ROOT))
    assert spent < 20_000_000
