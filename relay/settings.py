"""Every setting of the relay: environment variables, read once into one frozen `Settings`.

`python -m relay --help` and the table in README.md are both written from the fields below.
"""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, ByteSize, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from relay import values
from relay.values import Network, read_by

_EXPECTED: Final = {  # instead of pydantic's words
    "int_parsing": "expected a whole number",
    "byte_size": "expected a size such as 64KB, 1MB or 1000000",
    "byte_size_unit": "expected a size such as 64KB, 1MB or 1000000",
}
_SECRETS: Final = {
    "jwt_secret",
    "jwt_public_key",
    "nats_url",
}  # never shown, not even when they are wrong


class SettingsError(ValueError):
    """One or more settings are wrong; `str()` names each key, its value and what is expected."""


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Duration = Annotated[float, BeforeValidator(read_by(values.seconds))]
Addresses = Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_by(values.addresses))]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_by(values.origins))]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(read_by(values.networks))]
Url = Annotated[str, BeforeValidator(read_by(values.url))]
Servers = Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_by(values.servers))]

_PRIVATE = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,::1/128,fc00::/7"


class Settings(BaseSettings):
    """The relay's settings. Sizes are bytes, durations seconds."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        validate_default=True,
        env_ignore_empty=True,  # compose passes an empty variable for one that is not set
    )

    port: int = Field(8080, ge=0, le=65535, description="TCP port to listen on; 0 takes a free one")
    listen_address: Addresses = Field(
        ("*",),
        description="addresses to listen on, comma-separated; * is every one of IPv4 and IPv6",
        json_schema_extra={"default": "*"},
    )
    listen_socket: Path | None = Field(
        None,
        description="Unix socket to listen on too, for a proxy on the same machine",
        json_schema_extra={"default": "none"},
    )
    handover_socket: Path | None = Field(
        None,
        description="Unix socket through which a new relay takes over all connections",
        json_schema_extra={"default": "none"},
    )
    max_message_size: ByteSize = Field(
        ByteSize(10_000_000),
        ge=1,
        le=1_000_000_000,
        description="one message, after reassembly",
        json_schema_extra={"default": "10MB"},
    )
    read_buffer_size: ByteSize = Field(
        ByteSize(1_000_000),
        ge=1024,
        description="received and not yet relayed, per connection, before the relay stops reading",
        json_schema_extra={"default": "1MB"},
    )
    write_buffer_size: ByteSize = Field(
        ByteSize(1_000_000),
        ge=1024,
        description="how far a member may fall behind before it is closed with 4001",
        json_schema_extra={"default": "1MB"},
    )
    history_size: ByteSize = Field(
        ByteSize(1_000_000),
        ge=0,
        description="how much a room's log keeps; 0 keeps nothing",
        json_schema_extra={"default": "1MB"},
    )
    history_age: Duration = Field(
        120.0,
        ge=0,
        description="how long a room's log keeps it; 0 keeps nothing",
        json_schema_extra={"default": "2m"},
    )
    ping_interval: Duration = Field(
        15.0,
        ge=0.1,
        le=3600,
        description="a silent client is pinged after this, and closed after 1.5 times this",
        json_schema_extra={"default": "15s"},
    )
    leave_grace: Duration = Field(
        5.0,
        ge=0,
        le=3600,
        description="a member that reconnects within this is not announced as having left",
        json_schema_extra={"default": "5s"},
    )
    drain_window: Duration = Field(
        10.0,
        ge=0,
        description="when stopping, members are closed spread over this, within DRAIN_TIMEOUT",
        json_schema_extra={"default": "10s"},
    )
    drain_timeout: Duration = Field(
        20.0,
        ge=0,
        description="when stopping, the process ends within this",
        json_schema_extra={"default": "20s"},
    )
    max_connections: int = Field(
        0, ge=0, description="WebSockets in total; 0 is as many as file limit and memory allow"
    )
    max_connections_per_ip: int = Field(
        0, ge=0, description="WebSockets per client address (per /64 in IPv6); 0 is no limit"
    )
    message_rate: int = Field(
        0,
        ge=0,
        description="messages and pings a second per client; more are slowed down; 0 is no limit",
    )
    byte_rate: ByteSize = Field(
        ByteSize(0),
        ge=0,
        description="bytes a second per client; more are slowed down; 0 is no limit",
        json_schema_extra={"default": "0"},
    )
    allowed_origins: Origins = Field(
        ("*",),
        description="origins whose pages may connect and publish, comma-separated; * is any",
        json_schema_extra={"default": "*"},
    )
    trusted_proxies: Networks = Field(
        tuple(map(ip_network, _PRIVATE.split(","))),
        description="networks whose X-Forwarded-For is believed",
        json_schema_extra={"default": "loopback and private ranges"},
    )
    jwt_secret: str | None = Field(
        None,
        description="key of HS256 tokens, at least 32 bytes; without any key anyone may connect",
        json_schema_extra={"default": "none"},
        repr=False,
    )
    jwt_public_key: str | None = Field(
        None,
        description="keys of RS256, ES256 or EdDSA tokens, in PEM; line ends may be written as \\n",
        json_schema_extra={"default": "none"},
        repr=False,
    )
    jwks_url: Url | None = Field(
        None,
        description="address of a key set for such tokens; fetched again when it changes",
        json_schema_extra={"default": "none"},
    )
    nats_url: Servers = Field(
        (),
        description="NATS servers, comma-separated; relays with the same ones share all rooms",
        json_schema_extra={"default": "none"},
        repr=False,
    )
    nats_storage: Annotated[Literal["file", "memory"], BeforeValidator(_lower)] = Field(
        "file", description="where NATS keeps the rooms' logs: file or memory"
    )
    nats_replicas: int = Field(1, ge=1, le=5, description="how many NATS servers keep each log")
    nats_stream_size: ByteSize = Field(
        ByteSize(1_000_000_000),
        ge=1_000_000,
        description="how much all rooms' logs may take in NATS",
        json_schema_extra={"default": "1GB"},
    )
    nats_timeout: Duration = Field(
        10.0,
        ge=1,
        le=3600,
        description="how long NATS may be unreachable before members are closed with 1013",
        json_schema_extra={"default": "10s"},
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        Field("info", description="debug, info, warning or error")
    )
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lower)] = Field(
        "text", description="text or json"
    )
    release_commit: str = Field("unknown", description="shown by /health")
    release_time: str = Field("unknown", description="shown by /health")
    release_actor: str = Field("unknown", description="shown by /health")

    @property
    def asks_for_tokens(self) -> bool:
        """Whether nobody gets in without a token."""
        return any((self.jwt_secret, self.jwt_public_key, self.jwks_url))

    @classmethod
    def load(cls) -> "Settings":
        """Read the environment; raise `SettingsError` with one sentence for each bad value."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError("\n".join(map(_sentence, error.errors()))) from None


def _sentence(error: ErrorDetails) -> str:
    name = str(error["loc"][0])
    default = Settings.model_fields[name].default
    unit = " s" if isinstance(default, float) else " bytes" if isinstance(default, ByteSize) else ""
    limits = error.get("ctx", {})
    if error["type"] == "greater_than_equal":
        reason = f"expected at least {limits['ge']:g}{unit}"
    elif error["type"] == "less_than_equal":
        reason = f"expected at most {limits['le']:.0f}{unit}"
    else:
        reason = _EXPECTED.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    typed = "..." if name in _SECRETS else os.environ.get(name.upper(), error["input"])
    return f"{name.upper()}={typed}: {reason[0].lower()}{reason[1:]}"


def table() -> list[tuple[str, str, str]]:
    """Return (variable, default, meaning) for each setting, in order."""
    rows = []
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        shown = extra["default"] if isinstance(extra, dict) else field.default
        rows.append((name.upper(), str(shown), field.description or ""))
    return rows
