"""An imitation of the Hetzner Cloud API, whose servers are real ones: those of the lab.

It knows what `ansible/create.yml` asks for, and answers as the API does since July 2026, without
`datacenter`. Source: https://docs.hetzner.cloud/reference/cloud
"""

import asyncio
import base64
import hashlib
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

import yaml
from aiohttp import web

from tests.lab.market import LOCATIONS, TYPES, Market
from tests.lab.vps import Vps

Json = dict[str, Any]

_IMAGES: Final = ("debian-12", "debian-13")


class Refusal(Exception):
    """An answer that is no success: status, code and message as the API words them."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.body = {"error": {"code": code, "message": message, "details": None}}


@dataclass
class Project:
    """What an account holds: keys, firewalls and servers by their number."""

    ssh_keys: dict[int, Json] = field(default_factory=dict)
    firewalls: dict[int, Json] = field(default_factory=dict)
    servers: dict[int, Json] = field(default_factory=dict)
    actions: dict[int, Json] = field(default_factory=dict)
    machines: dict[int, Vps] = field(default_factory=dict)
    market: Market = field(default_factory=Market)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)

    def all(self, kind: str) -> dict[int, Json]:
        match kind:
            case "ssh_keys":
                return self.ssh_keys
            case "firewalls":
                return self.firewalls
            case "servers":
                return self.servers
            case "actions":
                return self.actions
            case "server_types":
                return self.market.server_types()
        raise Refusal(404, "not_found", f"{kind} not found")

    def get(self, kind: str, number: int) -> Json:
        found = self.all(kind).get(number)
        if found is None:
            raise Refusal(404, "not_found", f"{kind} with ID '{number}' not found")
        return found

    def add_ssh_key(self, name: str, public_key: str) -> Json:
        if any(public_key == key["public_key"] for key in self.ssh_keys.values()):
            raise Refusal(409, "uniqueness_error", "SSH key with the same fingerprint exists")
        key = self._new(self.ssh_keys, name)
        key.update(public_key=public_key, fingerprint=_fingerprint(public_key))
        return key

    def add_firewall(self, name: str, rules: list[Json]) -> Json:
        firewall = self._new(self.firewalls, name)
        firewall.update(rules=[_rule(rule) for rule in rules], applied_to=[])
        return firewall

    def add_server(self, asked: Json) -> Json:
        """Note a server; its machine is booted by the caller, who can wait."""
        for name, known in (
            ("server_type", TYPES),
            ("image", _IMAGES),
            ("location", LOCATIONS),
        ):
            if asked[name] not in known:
                raise Refusal(422, "invalid_input", f"{name} {asked[name]} not found")
        if not self.market.has(asked["server_type"], asked["location"]):
            raise Refusal(412, "resource_unavailable", "Server Type temporarily not available")
        if any(asked["name"] == server["name"] for server in self.servers.values()):
            raise Refusal(409, "uniqueness_error", "server name is already used")
        server = self._new(self.servers, asked["name"])
        server.update(
            status="initializing",
            server_type={
                "id": 1,
                "name": asked["server_type"],
                "architecture": TYPES[asked["server_type"]][2],
            },
            image={"id": 1, "name": asked["image"]},
            location={"id": 1, "name": asked["location"]},
            labels=asked.get("labels") or {},
            protection={"delete": False, "rebuild": False},
            public_net={"ipv4": None, "ipv6": None, "firewalls": []},
        )
        for wanted in asked.get("firewalls", []):
            self.apply(self.get("firewalls", wanted["firewall"]), server)
        return server

    def keys_of(self, asked: Json) -> tuple[str, ...]:
        """Return the public keys that a new server is to let in."""
        return tuple(
            key["public_key"] for key in self.ssh_keys.values() if key["name"] in asked["ssh_keys"]
        )

    def apply(self, firewall: Json, server: Json) -> None:
        server["public_net"]["firewalls"].append({"id": firewall["id"], "status": "applied"})
        firewall["applied_to"].append({"type": "server", "server": {"id": server["id"]}})

    def start_action(self, command: str, status: str = "success") -> Json:
        action = self._new(self.actions, command)
        action.update(command=command, status=status, progress=100, started=_now(), finished=_now())
        action.update(error=None, resources=[])
        return action

    def _new(self, kind: dict[int, Json], name: str) -> Json:
        number = next(self._numbers)
        kind[number] = {"id": number, "name": name, "created": _now(), "labels": {}}
        return kind[number]


class Hetzner:
    """Serves one project at `url` to whoever has the token. `requests` are all that came."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.project = Project()
        self.requests: list[str] = []
        self.url = ""
        self._boot_tasks: set[asyncio.Task[None]] = set()
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.post("/v1/ssh_keys", self._add_ssh_key),
                web.post("/v1/firewalls", self._add_firewall),
                web.post("/v1/firewalls/{id}/actions/{action}", self._change_firewall),
                web.post("/v1/servers", self._add_server),
                web.post("/v1/servers/{id}/actions/change_protection", self._protect),
                web.get("/v1/pricing", self._price),
                web.get("/v1/{kind}", self._list),
                web.get("/v1/{kind}/{id}", self._get),
            ]
        )
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*self._boot_tasks, return_exceptions=True)
        await self._runner.cleanup()
        for machine in self.project.machines.values():
            await asyncio.to_thread(machine.destroy)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        try:
            if request.headers.get("Authorization") != f"Bearer {self.token}":
                raise Refusal(401, "unauthorized", "unable to authenticate")
            answer: web.StreamResponse = await handler(request)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)
        return answer

    async def _list(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        found = [
            thing
            for thing in self.project.all(kind).values()
            if request.query.get("name") in (None, thing["name"])
            and request.query.get("fingerprint") in (None, thing.get("fingerprint"))
        ]
        pagination: Json = {"page": 1, "per_page": 50, "total_entries": len(found), "last_page": 1}
        pagination |= {"previous_page": None, "next_page": None}
        return web.json_response({kind: found, "meta": {"pagination": pagination}})

    async def _price(self, request: web.Request) -> web.Response:
        return web.json_response({"pricing": {"currency": "EUR", "vat_rate": "19.00"}})

    async def _get(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        return web.json_response({kind[:-1]: self.project.get(kind, int(request.match_info["id"]))})

    async def _add_ssh_key(self, request: web.Request) -> web.Response:
        asked = await request.json()
        key = self.project.add_ssh_key(asked["name"], asked["public_key"])
        return web.json_response({"ssh_key": key}, status=201)

    async def _add_firewall(self, request: web.Request) -> web.Response:
        asked = await request.json()
        firewall = self.project.add_firewall(asked["name"], asked.get("rules") or [])
        firewall["labels"] = asked.get("labels") or {}
        return web.json_response({"firewall": firewall, "actions": []}, status=201)

    async def _change_firewall(self, request: web.Request) -> web.Response:
        asked = await request.json()
        firewall = self.project.get("firewalls", int(request.match_info["id"]))
        match request.match_info["action"]:
            case "set_rules":
                firewall["rules"] = [_rule(rule) for rule in asked["rules"]]
            case "apply_to_resources":
                for wanted in asked["apply_to"]:
                    server = self.project.get("servers", wanted["server"]["id"])
                    self.project.apply(firewall, server)
            case other:
                raise Refusal(404, "not_found", f"{other} not found")
        action = self.project.start_action("set_firewall_rules")
        return web.json_response({"actions": [action]}, status=201)

    async def _add_server(self, request: web.Request) -> web.Response:
        asked = await request.json()
        server = self.project.add_server(asked)
        action = self.project.start_action("create_server", "running")
        keys = self.project.keys_of(asked)
        task = asyncio.create_task(self._boot(server, action, keys, asked.get("user_data", "")))
        self._boot_tasks.add(task)
        task.add_done_callback(self._boot_tasks.discard)
        answer: Json = {
            "server": server,
            "action": action,
            "next_actions": [],
            "root_password": None,
        }
        return web.json_response(answer, status=201)

    async def _boot(
        self, server: Json, action: Json, keys: tuple[str, ...], user_data: str
    ) -> None:
        # Of what cloud-init does, the one thing that is asked for.
        own = (yaml.safe_load(user_data) or {}).get("ssh_keys", {})
        host_key = (own["ed25519_private"], own["ed25519_public"]) if own else None
        try:
            machine = await asyncio.to_thread(Vps.boot, keys=keys, host_key=host_key)
        except AssertionError as error:
            action.update(status="error", error={"code": "action_failed", "message": str(error)})
            return
        self.project.machines[server["id"]] = machine
        server["status"] = "running"
        server["public_net"]["ipv4"] = {"id": 1, "ip": machine.address, "blocked": False}
        server["public_net"]["ipv6"] = {"id": 2, "ip": "2001:db8::/64", "blocked": False}
        action["status"] = "success"

    async def _protect(self, request: web.Request) -> web.Response:
        asked = await request.json()
        server = self.project.get("servers", int(request.match_info["id"]))
        if asked["delete"] != asked["rebuild"]:
            raise Refusal(422, "invalid_input", "delete and rebuild must be the same")
        server["protection"] = {"delete": asked["delete"], "rebuild": asked["rebuild"]}
        action = self.project.start_action("change_protection")
        return web.json_response({"action": action}, status=201)


def _rule(asked: Json) -> Json:
    """Return a rule as the API shows it, with what was left out."""
    return {
        "direction": asked["direction"],
        "protocol": asked["protocol"],
        "port": asked.get("port"),
        "source_ips": asked.get("source_ips") or [],
        "destination_ips": asked.get("destination_ips") or [],
        "description": asked.get("description"),
    }


def _fingerprint(public_key: str) -> str:
    """Return the MD5 form that the API shows."""
    digest = hashlib.md5(base64.b64decode(public_key.split()[1]), usedforsecurity=False)
    return digest.digest().hex(":")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
