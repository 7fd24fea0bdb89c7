"""A session is what it was when it is built anew from its values."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from relay.member.liveness import STALL, Liveness, Sign
from relay.member.session import Session
from relay.room.room import Room
from relay.wire.closing import Reason
from tests.raw import encode
from tests.relay.unit.runtime import connect, make_runtime, receive
from tests.relay.unit.transport import Transport


class _Nobody:
    """Owns a session that no socket is read for."""

    def begin_close(self) -> None:
        raise AssertionError

    def end_when_sent(self) -> None:
        raise AssertionError

    def abort(self) -> None:
        raise AssertionError

    def renew(self, token: str) -> None:
        raise AssertionError

    def acknowledged(self) -> int:
        raise AssertionError


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=3000).map(lambda data: ("hear", data)),
            st.integers(1, 3000).map(lambda size: ("cut", bytes(size))),
            st.integers(1, 5000).map(lambda size: ("take", bytes(size))),
            st.just(("ping", b"")),
            st.just(("hold", b"")),
            st.just(("own", b"said by alice")),
        ),
        max_size=20,
    ),
    st.booleans(),
    st.booleans(),
)
def test_session_goes_on_from_its_state(
    script: list[tuple[str, bytes]], echo: bool, is_closing: bool
) -> None:
    """Whatever it has sent, has still to be sent, and is held for."""

    async def run() -> None:
        runtime = make_runtime()
        transport = Transport(100)
        alice = connect(runtime, "alice", transport, echo=echo, history=5)
        bob = connect(runtime, "bob", Transport(10**9))
        for what, data in script:
            if what == "hear":
                receive(bob, encode(2, data))
            elif what == "cut":
                receive(alice, encode(2, data)[: len(data) // 2 + 1])
                break
            elif what == "own":
                receive(alice, encode(2, data))
            elif what == "take":
                transport.give(len(data))
            elif what == "ping":
                alice.session.ping()
            else:
                alice.session.room.hold(alice.session)
            await asyncio.sleep(0)
        if is_closing:
            alice.session.close(Reason.LEFT.close())
        state = alice.session.snapshot()
        room: Room = runtime.hub.room(alice.session.room.name)
        again = Session(state, room, Transport(0), _Nobody(), runtime.terms)
        assert again.snapshot() == state
        assert again.outbox.lag == alice.session.outbox.lag
        assert again.inbox.unfinished == alice.session.inbox.unfinished

    asyncio.run(run())


def test_silent_client_is_pinged_and_then_gone() -> None:
    """After one interval, and after one and a half."""
    liveness = Liveness(heard=0.0)

    def check(now: float, acknowledged: int = 0, *, is_blocked: bool = False) -> Sign:
        return liveness.check(now, acknowledged, interval=15.0, period=0.5, is_blocked=is_blocked)

    assert check(14.0) is Sign.ALIVE
    assert check(14.5) is Sign.ASK
    assert check(21.5) is Sign.ALIVE
    assert check(22.0) is Sign.GONE
    liveness.hear(22.0)
    assert check(36.5) is Sign.ASK
    assert check(44.0, 100, is_blocked=True) is Sign.ALIVE  # it takes what is before the ping
    assert liveness.silence(44.0) == 0


def test_backlog_that_does_not_move_has_stalled() -> None:
    """For as long as nothing of it is acknowledged."""
    liveness = Liveness(heard=0.0)
    assert not liveness.has_stalled(10.0, 0)
    assert not liveness.has_stalled(14.0, 1)
    assert not liveness.has_stalled(18.0, 1)
    assert liveness.has_stalled(14.0 + STALL, 1)
