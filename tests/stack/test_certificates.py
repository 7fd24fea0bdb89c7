"""Certificates from an ACME authority, by both ways of proving a name."""

from pathlib import Path

import pytest

from tests.lab import authority, pebble
from tests.lab import stack as lab
from tests.lab.stack import Stack

_DOMAIN = "relay.test"
_NOWHERE = 9  # discard: nobody listens


@pytest.mark.parametrize(
    ("challenge", "ports"),
    [("http-01", {"tls_port": _NOWHERE}), ("tls-alpn-01", {"http_port": _NOWHERE})],
)
async def test_a_domain_gets_a_certificate_by(
    tmp_path: Path, challenge: str, ports: dict[str, int]
) -> None:
    """The authority reaches only one of the two ports; the chain is verified, and HSTS is on."""
    lab.require_images()
    with lab.loopback_address() as address, pebble.running(tmp_path, address, **ports) as issuer:
        stack = Stack(
            tmp_path,
            address,
            RELAY_DOMAIN=_DOMAIN,
            ACME_CA=issuer.directory,
            ACME_EMAIL="ops@relay.test",
        )
        (tmp_path / "docker-compose.override.yml").write_text(
            "services: {caddy: {environment: {SSL_CERT_FILE: /authority.pem}, "
            f"volumes: ['{authority.certificate()}:/authority.pem:ro']}}}}"
        )
        try:
            stack.up()
            # Where the first try failed on a busy machine, Caddy makes another a minute later.
            log = stack.logged("caddy", "certificate obtained successfully")
            tls = lab.trusting(issuer.root())
            async with (
                stack.connect("alice", host=_DOMAIN, tls=tls) as alice,
                stack.connect("bob", host=_DOMAIN, tls=tls) as bob,
            ):
                await alice.send("by way of a real certificate")
                assert await bob.recv() == "by way of a real certificate"
            solved = [line for line in log.splitlines() if "authorization finalized" in line]
            assert solved
            assert f'"challenge_type":"{challenge}"' in log
            answer = stack.curl(f"https://{_DOMAIN}/ready", "-k", "-i").lower()
            assert "strict-transport-security: max-age=31536000" in answer
            moved = stack.curl(f"http://{_DOMAIN}/ready", "-i")
            assert moved.startswith("HTTP/1.1 308")
            assert f"Location: https://{_DOMAIN}/ready" in moved
        finally:
            stack.down()
