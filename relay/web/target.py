"""What a request's URL says: names in its path, options in its query, decoded in one place.

Bytes that are not UTF-8 are refused. Left as they are, or replaced, two different names would
become one, and strangers would share a room.
"""

from urllib.parse import unquote_to_bytes

from aiohttp import web

from relay.names import BadName, RoomName, UserName, check
from relay.web.refusals import Refusal, quoted


def user_of(request: web.Request) -> UserName:
    """Return the user that `/ws/{username}` names, or refuse it."""
    return UserName(_check("user", _segment(request, 2)))


def room_of(request: web.Request) -> RoomName:
    """Return the room that `/rooms/{room}` names, or refuse it."""
    return RoomName(_check("room", _segment(request, 2)))


def room_named(name: str) -> RoomName:
    """Return the name of a room, or refuse it."""
    return RoomName(_check("room", name))


def rest_of(request: web.Request, prefix: str) -> str:
    """Return what follows `prefix` in the path."""
    return _decode(request.rel_url.raw_path.removeprefix(prefix))


def query_of(request: web.Request) -> dict[str, str]:
    """Return the query's options; refuse one that is given twice."""
    options: dict[str, str] = {}
    for pair in filter(None, request.rel_url.raw_query_string.split("&")):
        name, _, value = (_decode(part.replace("+", " ")) for part in pair.partition("="))
        if name in options:
            raise Refusal(400, f"option {quoted(name)} is given more than once")
        options[name] = value
    return options


def _segment(request: web.Request, index: int) -> str:
    return _decode(request.rel_url.raw_path.split("/")[index])


def _decode(text: str) -> str:
    # What stands there undecoded came as bytes too, and aiohttp escaped what was no UTF-8.
    data = unquote_to_bytes(text.encode(errors="surrogateescape"))
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refusal(400, f"{quoted(text)} in the URL is not UTF-8") from None


def _check(kind: str, name: str) -> str:
    try:
        return check(kind, name)
    except BadName as error:
        raise Refusal(400, str(error)) from None
