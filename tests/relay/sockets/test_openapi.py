"""docs/api/openapi.yaml says what the code does: routes, answers, and the page made of it."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from docs.api.write_page import STATIC, page
from relay.settings import Settings
from relay.web.app import create_app
from tests.conftest import StartRelay
from tests.process import ROOT, Relay
from tests.relay.sockets.tokens import SECRET, token

API: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "api" / "openapi.yaml").read_text())


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref":
                yield each
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _check(path: str, method: str, status: int, answer: object) -> None:
    """Raise unless the answer is what the description says."""
    responses = API["paths"][path][method]["responses"]
    assert str(status) in responses, f"{method} {path}: {status} is not described"
    response = responses[str(status)]
    if "$ref" in response:
        response = API["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response["content"]["application/json"]["schema"]
    whole = {**schema, "components": API["components"]}
    jsonschema.Draft202012Validator(whole).validate(answer)


def test_references_lead_somewhere_and_schemas_are_schemas() -> None:
    """And each operation has an ID of its own, and a tag that is described."""
    for reference in _references(API):
        target: Any = API
        for key in reference.removeprefix("#/").split("/"):
            target = target[key]
    for schema in API["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    operations = [
        operation
        for item in API["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    identifiers = [operation["operationId"] for operation in operations]
    assert len(set(identifiers)) == len(identifiers)
    tags = {tag["name"] for tag in API["tags"]}
    assert {tag for operation in operations for tag in operation["tags"]} == tags


async def test_every_route_is_described_and_every_description_has_a_route() -> None:
    """Paths and methods."""
    app = create_app(Settings(), 1024)
    routes = {
        (re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.resource.canonical), route.method.lower())
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    described = {
        (path, method)
        for path, item in API["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert described == routes


async def test_answers_are_as_described(relay: Relay, room: str) -> None:
    """Of a relay in which something happens."""
    async with relay.connect("alice", room=room) as alice:
        await alice.send("text")
        await alice.send(b"binary")
        bob = await relay.connect("bob", room=room)
        await bob.close()
        await relay.count(room, 1)
        for path, query in (
            ("/rooms", ""),
            ("/rooms/{room}", ""),
            ("/rooms/{room}/messages", ""),
            ("/rooms/{room}/messages", "?limit=x"),
            ("/health", ""),
            ("/ready", ""),
            ("/live", ""),
            ("/live", "?since=x"),
        ):
            status, answer = await relay.get(path.replace("{room}", room) + query)
            _check(path, "get", status, answer)
        for username in ("carol", "a%2Fb", "alice"):
            status, answer = await relay.get(f"/ws/{username}?room={room}")
            _check("/ws/{username}", "get", status, answer)
        path = f"/rooms/{room}/messages"
        for body, kind in ((b"posted", "text/plain"), (b"\xff", "text/plain")):
            headers = {"Content-Type": kind}
            status, answer = await relay.request("POST", path, data=body, headers=headers)
            _check("/rooms/{room}/messages", "post", status, answer)
        for described in ("/rooms/{room}/disconnect", "/revoke"):
            status, answer = await relay.request("POST", described.replace("{room}", room))
            _check(described, "post", status, answer)


async def test_an_administrators_answers_are_as_described(start_relay: StartRelay) -> None:
    """And what is refused without a token."""
    relay = await start_relay(JWT_SECRET=SECRET)
    headers = {"Authorization": f"Bearer {token('root', admin=True)}"}
    for path, body in (
        ("/rooms/{room}/disconnect", b'{"user":"alice"}'),
        ("/rooms/{room}/disconnect", b'{"name":"alice"}'),
        ("/revoke", b'{"user":"alice"}'),
    ):
        url = path.replace("{room}", "den")
        for sent in (headers, {}):
            status, answer = await relay.request("POST", url, data=body, headers=sent)
            _check(path, "post", status, answer)
    for path in ("/rooms/{room}/messages", "/ws/{username}"):
        status, answer = await relay.get(re.sub(r"\{\w+\}", "den", path))
        assert status == 401
        _check(path, "get", status, answer)


def _empty(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _empty(each, f"{path}/{key}")
    elif value is None:
        yield path


def test_no_sentence_of_the_description_ends_at_a_comma() -> None:
    """In braces, YAML takes what is behind one for another key, without a value."""
    assert list(_empty(API)) == []


def test_page_is_what_the_description_says() -> None:
    """`make api-docs` writes it."""
    assert (STATIC / "docs.html").read_text() == page()


@pytest.mark.parametrize("path", ["/docs", "/static/openapi.yaml"])
async def test_both_are_served(relay: Relay, path: str) -> None:
    """The page for people, the file for programs."""
    process = await asyncio.create_subprocess_exec(
        "curl", "-sSf", relay.http + path, stdout=asyncio.subprocess.PIPE
    )
    body, _ = await process.communicate()
    assert process.returncode == 0
    assert b"/rooms/{room}/messages" in body
