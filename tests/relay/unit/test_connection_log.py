"""Lines for those who come and leave are bounded."""

import logging

import pytest

from relay.edge.connection_log import MOST, ConnectionLog
from relay.member.ending import End
from relay.names import RoomName, UserName


def test_flood_of_members_is_a_bounded_number_of_lines(caplog: pytest.LogCaptureFixture) -> None:
    """The next second tells how many there were without one; warnings have lines of their own."""
    now = [100.0]
    connection_log = ConnectionLog(lambda: now[0])
    with caplog.at_level(logging.INFO):
        for _ in range(MOST + 50):
            connection_log.joined(UserName("alice"), RoomName("hall"), "198.51.100.7")
        assert len(caplog.messages) == MOST
        connection_log.left(UserName("bob"), RoomName("hall"), End("stuck", "4001 stuck", False))
        assert caplog.messages[-1] == "bob left hall: 4001 stuck"
        now[0] += 1
        connection_log.joined(UserName("two words"), RoomName("hall"), "198.51.100.7")
    assert caplog.messages[-2:] == [
        "50 more came or left without a line",
        "'two words' joined hall from 198.51.100.7",
    ]
