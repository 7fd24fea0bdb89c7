"""Every setting of the relay: environment variables, read once into one frozen `Settings`.

`python -m relay --help` and the table in README.md are both written from the fields below.
"""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, ByteSize, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Network = IPv4Network | IPv6Network

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(-?\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)?", re.ASCII)


_EXPECTED = {  # instead of pydantic's words
    "int_parsing": "expected a whole number",
    "byte_size": "expected a size such as 64KB, 1MB or 1000000",
    "byte_size_unit": "expected a size such as 64KB, 1MB or 1000000",
}


_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class SettingsError(ValueError):
    """One or more settings are wrong; `str()` names each key, its value and what is expected."""


def seconds(text: str) -> float:
    """Return seconds for "500ms", "15s", "2m", "1h", "7d" or a plain number of seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("expected a duration such as 500ms, 15s, 2m or 1h")
    return float(match[1]) * _UNITS[match[2] or "s"]


def _duration(value: object) -> object:
    return seconds(value) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _words(value: object) -> object:
    """Split a comma-separated list; empty items do not count."""
    if isinstance(value, str):
        return tuple(word for part in value.split(",") if (word := part.strip()))
    return value


def _networks(value: object) -> object:
    words = _words(value)
    if not isinstance(words, tuple):
        return words
    try:
        return tuple(ip_network(word) for word in words)
    except ValueError as error:
        raise ValueError(f"{error}; expected addresses or networks such as 10.0.0.0/8") from None


Duration = Annotated[float, BeforeValidator(_duration)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]

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
    listen_address: str = Field("0.0.0.0", min_length=1, description="address to listen on")  # noqa: S104
    listen_socket: Path | None = Field(
        None,
        description="Unix socket to listen on too, for a proxy on the same machine",
        json_schema_extra={"default": "none"},
    )
    handover_socket: Path | None = Field(
        None,
        description="Unix socket by which a successor takes over all connections",
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
        description="what a room's log keeps; 0 keeps nothing",
        json_schema_extra={"default": "1MB"},
    )
    history_age: Duration = Field(
        120.0,
        ge=0,
        description="for how long a room's log keeps it; 0 keeps nothing",
        json_schema_extra={"default": "2m"},
    )
    ping_interval: Duration = Field(
        15.0,
        ge=0.1,
        le=3600,
        description="a silent client is pinged after this, and gone after 1.5 times this",
        json_schema_extra={"default": "15s"},
    )
    drain_window: Duration = Field(
        10.0,
        ge=0,
        description="when stopping, members leave spread over this, if DRAIN_TIMEOUT allows",
        json_schema_extra={"default": "10s"},
    )
    drain_timeout: Duration = Field(
        20.0,
        ge=0,
        description="when stopping, the process ends after this at the latest",
        json_schema_extra={"default": "20s"},
    )
    max_connections: int = Field(
        0, ge=0, description="WebSockets in all; 0 is what file limit and memory allow"
    )
    max_connections_per_ip: int = Field(
        0, ge=0, description="WebSockets per client address (per /64 in IPv6); 0 is no limit"
    )
    allowed_origins: Words = Field(
        ("*",),
        description="origins whose pages may connect and publish, comma-separated; * is any",
        json_schema_extra={"default": "*"},
    )
    trusted_proxies: Networks = Field(
        tuple(map(ip_network, _PRIVATE.split(","))),
        description="networks whose X-Forwarded-For counts",
        json_schema_extra={"default": "loopback and private ranges"},
    )
    jwt_secret: str | None = Field(
        None,
        description="key of HS256 tokens, 32 bytes or more; none: anyone may connect",
        json_schema_extra={"default": "none"},
        repr=False,
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

    @field_validator("jwt_secret")
    @classmethod
    def _secret_is_long_enough(cls, value: str | None) -> str | None:
        if (
            value is not None and len(value.encode()) < 32
        ):  # RFC 7518 §3.2: at least the size of the hash
            raise ValueError("expected at least 32 bytes, for instance from: openssl rand -hex 32")
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins_are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_origin, value))

    @classmethod
    def load(cls) -> "Settings":
        """Read the environment; raise `SettingsError` with one sentence for each bad value."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError("\n".join(map(_sentence, error.errors()))) from None


def _origin(text: str) -> str:
    """Return an origin as browsers send it: in lower case, without the default port."""
    if text == "*":
        return text
    match = re.fullmatch(r"([a-z][a-z0-9+.-]*)://([^/?#@\s]+)", text.lower())
    if match is None:
        raise ValueError(f"{text!r} is no origin; expected * or https://app.example")
    scheme, host = match.groups()
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS.get(scheme, ':'))}"


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
    typed = "..." if name == "jwt_secret" else os.environ.get(name.upper(), error["input"])
    return f"{name.upper()}={typed}: {reason[0].lower()}{reason[1:]}"


def table() -> list[tuple[str, str, str]]:
    """Return (variable, default, meaning) for each setting, in order."""
    rows = []
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        shown = extra["default"] if isinstance(extra, dict) else field.default
        rows.append((name.upper(), str(shown), field.description or ""))
    return rows
