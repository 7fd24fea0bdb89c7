"""Addresses and tokens: what is used of a URL, and what of it is shown."""

import sys
from pathlib import Path

import jwt
import pytest

from wsload.client.address import Address, shown
from wsload.client.failures import BadAddress
from wsload.client.handshake import Request
from wsload.client.tokens import from_file, minted, one_for_all


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("ws://localhost:8080", "localhost:8080", ""),
        ("ws://localhost", "localhost:80", ""),
        ("wss://relay.example/base/", "relay.example:443", "/base"),
        ("ws://[::1]:9", "[::1]:9", ""),
        ("ws://me:secret@host:1/a?b=c", "host:1", "/a"),
    ],
)
def test_addresses(url: str, authority: str, path: str) -> None:
    address = Address.parse(url)
    assert (address.authority, address.path) == (authority, path)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "no server given: pass --host ws://HOST:PORT"),
        ("https://relay.example", "try wss://relay.example"),
        ("relay.example:80", "a WebSocket address begins with ws:// or wss://"),
        ("ws://relay.example:eighty", "bad port or host in ws://relay.example:eighty"),
        ("ws://[relay.example", "bad port or host in ws://[relay.example"),
        ("ws://:80", "no host in ws://:80: expected ws://HOST:PORT"),
        ("ws://relay.example#top", "fragment in ws://relay.example#…"),
    ],
)
def test_bad_addresses_are_explained(url: str, sentence: str) -> None:
    with pytest.raises(BadAddress) as caught:
        Address.parse(url)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:s3cret@relay.example/x?token=s3cret",
        "ws://me:s3cret@relay.example:eighty?token=s3cret",
        "ws://me:s3cret@?token=s3cret#s3cret",
    ],
)
def test_no_sentence_tells_a_secret(url: str) -> None:
    with pytest.raises(BadAddress) as caught:
        Address.parse(url)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in shown(url)


def test_several_servers_differ_in_host_and_port_only() -> None:
    """A comma in a query separates nothing."""
    found = Address.parse_all("ws://one:1/base?a=b,c, ws://[::1]:2/base?a=b,c")
    assert [each.authority for each in found] == ["one:1", "[::1]:2"]
    assert {each.resource("/ws/me") for each in found} == {"/base/ws/me?a=b,c"}
    with pytest.raises(BadAddress) as caught:
        Address.parse_all("ws://me:s3cret@one,ws://two?token=s3cret")
    assert str(caught.value) == (
        "ws://two is not like ws://one: several servers need the same scheme, path, query and "
        "user information"
    )
    assert shown("ws://me:s3cret@one/a?token=s3cret,ws://two?token=s3cret") == (
        "ws://one/a,ws://two"
    )


def test_user_information_and_query_are_used() -> None:
    address = Address.parse("ws://me:p%40ss@host/base?token=x")
    assert address.authorization == "Basic bWU6cEBzcw=="
    assert address.resource("/ws/me", "room=a") == "/base/ws/me?token=x&room=a"
    assert Address.parse("ws://host").resource() == "/"


def test_a_header_is_one_line() -> None:
    address = Address.parse("ws://host")
    request = Request("/", (("X-Name", "a\r\nX-Other: b"),))
    with pytest.raises(BadAddress, match="line break in 'X-Name': a header is one line"):
        request.head(address, b"key")


def test_a_token_for_each_user(tmp_path: Path) -> None:
    """The same one when a user comes back."""
    (file := tmp_path / "tokens").write_text("one\ntwo\n")
    tokens = from_file(str(file))
    assert [tokens(name, "") for name in ("a", "b", "a", "c")] == ["one", "two", "one", "one"]
    assert one_for_all("x")("anybody", "den") == "x"
    secret = "a secret that is long enough for HS256"
    claims = jwt.decode(minted(secret)("me", "den"), secret, algorithms=["HS256"])
    assert (claims["sub"], claims["room"]) == ("me", "den")


def test_a_secret_without_the_library_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """wsload is installed without it, and JWT_SECRET may be meant for another program."""
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(BadAddress, match=r"install wsload\[jwt\], or unset JWT_SECRET"):
        minted("a secret that is long enough for HS256")


def test_token_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(BadAddress, match="cannot read --token-file nowhere"):
        from_file("nowhere")
    (empty := tmp_path / "empty").write_text("")
    with pytest.raises(BadAddress, match="is empty: expected one token a line"):
        from_file(str(empty))
