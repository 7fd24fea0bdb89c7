"""What answers a handshake is not believed before it is understood."""

import pytest

from tests.wsload.servers.answering import Answering
from wsload.client.failures import ConnectFailed
from wsload.client.handshake import Request, connect


def _body(body: bytes, status: bytes = b"500 Oops") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "it closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "its answer is not HTTP"),
        (b"HTTP/1.1 200" + b" " * 70_000, "its answer is not HTTP"),
        (b"HTTP/1.1 " + b"9" * 5000 + b" What\r\n\r\n", "it answered nonsense"),
        (b"HTTP/1.1 101 \r\n\r\n", "its Sec-WebSocket-Accept is wrong"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", "it answered 500"),
        (_body(b"[" * 50_000), "it answered 500"),
        (_body(b'{"error": "no\\nPASSED"}', b"409 Conflict"), r"409 name in use: leave"),
        (_body(b'{"error": {"a": "\\u001b[2J"}}'), r"500 the server refused the upgrade"),
    ],
)
def test_every_answer_gets_a_sentence(answering: Answering, answer: bytes, sentence: str) -> None:
    """Numbers of thousands of digits and lists of thousands of levels used to be tracebacks."""
    answering.answer = answer
    with pytest.raises(ConnectFailed) as caught:
        connect(answering.address, None, Request("/"))
    assert sentence in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
