"""Pebble, Let's Encrypt's own test authority: certificates by ACME, with nothing left out."""

import json
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.lab import authority, engine
from tests.lab.ports import free_ports, until_listening


class Pebble:
    """An authority that believes every name to be at one address."""

    def __init__(self, gateway: str, port: int, management: int) -> None:
        self.directory = f"https://{gateway}:{port}/dir"
        self._management = f"https://{gateway}:{management}"

    def root(self) -> str:
        """Return the root (PEM) of what it issues; made anew with every start."""
        context = ssl.create_default_context(cafile=authority.certificate())
        with urllib.request.urlopen(f"{self._management}/roots/0", context=context) as answer:
            return str(answer.read().decode())


@contextmanager
def running(
    folder: Path, address: str, *, http_port: int = 80, tls_port: int = 443
) -> Iterator[Pebble]:
    """Run Pebble; it proves names at these ports of `address`, and containers can reach it."""
    if shutil.which("pebble") is None:
        engine.refuse("no Pebble here: apt-get install pebble")
    gateway = engine.gateway()
    certificate, key = authority.sign(f"IP:{gateway}", folder)
    port, management, control = free_ports(gateway, 3)
    (dns,) = free_ports("127.0.0.1", 1)
    (folder / "pebble.json").write_text(
        json.dumps(
            {
                "pebble": {
                    "listenAddress": f"{gateway}:{port}",
                    "managementListenAddress": f"{gateway}:{management}",
                    "certificate": str(certificate),
                    "privateKey": str(key),
                    "httpPort": http_port,
                    "tlsPort": tls_port,
                    "ocspResponderURL": "",
                    "externalAccountBindingRequired": False,
                }
            }
        )
    )
    believe = ["-defaultIPv4", address, "-defaultIPv6", "", "-dns01", f"127.0.0.1:{dns}"]
    for service in ("http01", "https01", "tlsalpn01"):  # its other services stay off
        believe += [f"-{service}", ""]
    names = ["pebble-challtestsrv", *believe, "-management", f"127.0.0.1:{control}"]
    issuer = ["pebble", "-strict", "-config", str(folder / "pebble.json")]
    issuer += ["-dnsserver", f"127.0.0.1:{dns}"]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "pebble.log").open("w"))
        for command in (names, issuer):
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"},
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        until_listening(process, gateway, port)
        yield Pebble(gateway, port, management)
