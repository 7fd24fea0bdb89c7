"""The test vectors: the relay writes these notes, and the reference client follows the scripts."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from relay.names import RoomName, UserName
from relay.wire import notes
from tests.relay.reference import BINARY, TEXT, Client, Frame

VECTORS = Path(__file__).parent.parent.parent / "vectors"
NOTES = json.loads((VECTORS / "notes.json").read_text())["notes"]
SCRIPTS = json.loads((VECTORS / "client.json").read_text())["scripts"]


def _write(note: dict[str, Any]) -> bytes:
    """Return the frame of a note, as the relay makes it."""
    kind, fields = note["type"], {name: it for name, it in note.items() if name != "type"}
    if kind in ("pong", "data"):
        return {"pong": notes.PONG, "data": notes.DATA}[kind]
    if "members" in fields:
        fields["members"] = notes.json_of(fields["members"])
    if kind == "welcome":
        names = UserName(fields.pop("user")), RoomName(fields.pop("room"))
        return notes.welcome(*names, fields.pop("session"), **fields)
    makers: dict[str, Any] = {
        "from": notes.from_,
        **{name: getattr(notes, name) for name in ("cursor", "ack", "join", "leave")},
        **{name: getattr(notes, name) for name in ("members", "gap", "drain")},
    }
    frame: bytes = makers[kind](*fields.values())
    return frame


@pytest.mark.parametrize("vector", NOTES, ids=[vector["title"] for vector in NOTES])
def test_notes_are_byte_for_byte_what_the_vectors_show(vector: dict[str, Any]) -> None:
    """Order of fields, spaces, escapes."""
    assert _write(vector["note"]).hex() == vector["frame"]


def _frame(step: dict[str, Any]) -> Frame:
    if "text" in step:
        return TEXT, step["text"].replace("SESSION", "kq3v9TzX").encode()
    return BINARY, base64.b64decode(step["base64"])


@pytest.mark.parametrize("script", SCRIPTS, ids=[script["title"] for script in SCRIPTS])
def test_reference_client_follows_the_scripts(script: dict[str, Any]) -> None:
    """So that they are right, and both of our clients can be held to them."""
    client = Client("kq3v9TzX")
    for step in script["steps"]:
        match step["step"]:
            case "connects":
                query = {name: str(value) for name, value in client.connect().items()}
                assert query == step["query"] | {"session": client.session}
            case "relay":
                client.receive(*_frame(step))
            case "application":
                client.send(*_frame(step))
            case "client":
                assert client.frames.pop(0) == _frame(step)
            case "silence":
                assert not client.frames
            case "tells":
                expected = dict(step["event"])
                if "text" in expected or "base64" in expected:
                    expected["data"] = _frame(expected)
                    expected.pop("text", None)
                    expected.pop("base64", None)
                assert client.told.pop(0) == expected
            case "lost":
                client.lose()
            case "closed":
                client.close(step["code"])
            case "ends":
                assert client.is_closed
            case other:
                raise AssertionError(other)
    assert not (client.told or client.frames)
