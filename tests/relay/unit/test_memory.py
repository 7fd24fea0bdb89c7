"""When memory is short, and who goes then."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from relay import process_memory
from relay.account import cost
from relay.edge.memory import Memory
from tests.process import ROOT
from tests.raw import encode
from tests.relay.unit.runtime import connect, make_runtime, receive
from tests.relay.unit.transport import Transport

MEGABYTE = 1_000_000


async def test_who_holds_most_and_moves_slowest_goes() -> None:
    """So many of them that there is memory again, and no more."""
    runtime = make_runtime()
    quick, slow, slower = (Transport(10**6) for _ in range(3))
    now = runtime.loop.time() + 10
    for wire, size, seconds in ((quick, 4.1, 0), (slow, 1.0, 10), (slower, 0.2, 5)):
        connection = connect(runtime, f"{seconds}", wire)
        receive(connection, encode(2, bytes(6 * MEGABYTE))[: int(size * MEGABYTE)])
        connection.beat(now - seconds)  # since when its message does not come on
    runtime.roster.held_limit = 10 * MEGABYTE
    runtime.roster.relieve(now)
    assert slow.taken[2:4] == (1013).to_bytes(2, "big")
    assert slow.taken[4:].startswith(b"relay is out of memory, and this client held 20")
    assert not (quick.taken or slower.taken)


async def test_who_holds_little_stays() -> None:
    """It would not help."""
    runtime, wire = make_runtime(), Transport(10**6)
    runtime.roster.held_limit = 1000
    receive(connect(runtime, "alice", wire), encode(2, bytes(2000))[:1000])
    runtime.roster.relieve(runtime.loop.time())
    assert not wire.taken


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
