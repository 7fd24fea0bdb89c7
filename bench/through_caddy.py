"""What Caddy and TLS cost: the load tester direct, through Caddy, and with TLS, in one run.

A bare Caddy in each of two ways, by TCP and by the Unix socket, shows what the socket itself costs.
Needs a stack that runs (`make up`). Relay and Caddy share one core, the load tester has the other.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_CLIENTS: Final = 100
_SENDERS: Final = 10
_PAYLOAD: Final = 128  # bytes
_SECONDS: Final = 8
_RATES: Final = (25, 50, 100, 200)  # messages a second, of each sender
_SERVER_CORE, _LOAD_CORE = "0", "1"
_BARE: Final = {"bare Caddy, TCP": 8090, "bare Caddy, Unix socket": 8091}  # ports of its container
_ROOT_CERTIFICATE: Final = "/data/caddy/pki/authorities/local/root.crt"


def main() -> int:
    """Print one row per way and rate, as a Markdown table."""
    try:
        relay, caddy = (_compose("ps", "-q", each).strip() for each in ("relay", "caddy"))
        authority = _compose("exec", "-T", "caddy", "cat", _ROOT_CERTIFICATE)
        _pin(_SERVER_CORE, [relay, caddy])
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{error}\nno stack runs here: make up first\n")
        return 1
    ways = {
        "direct": f"ws://{_address(relay)}:8080",
        **{way: f"ws://{_address(caddy)}:{port}" for way, port in _BARE.items()},
        "Caddy": f"ws://{_address(caddy)}:80",
        "Caddy, TLS": f"wss://{_localhost('443')}",
    }
    print("| way | offered/s | delivered/s | lost | p50 ms | p99 ms | worst ms | generator |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as name, _bare_proxies(caddy, _address(relay)):
        folder = Path(name)
        (folder / "root.pem").write_text(authority)
        for rate in _RATES:
            for way, host in ways.items():
                result = _measure(host, rate, folder)
                print(_row(way, rate, result), flush=True)
    every_core = f"0-{(os.cpu_count() or 2) - 1}"
    _pin(every_core, [relay, caddy])
    return 0


@contextmanager
def _bare_proxies(caddy: str, relay: str) -> Iterator[None]:
    """Run two more in Caddy's container, which end with their input."""
    upstreams = zip(_BARE.values(), (f"{relay}:8080", "unix//run/relay/relay.sock"), strict=True)
    commands = [f"caddy reverse-proxy --from http://:{port} --to {to} &" for port, to in upstreams]
    script = f"{' '.join(commands)} read -r _; kill $(jobs -p)"
    with subprocess.Popen(
        ["docker", "exec", "-i", caddy, "sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as proxies:
        assert proxies.stdin is not None
        yield
        proxies.stdin.close()


def _pin(cores: str, containers: list[str]) -> None:
    subprocess.run(
        ["docker", "update", "--cpuset-cpus", cores, *containers],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _compose(*words: str) -> str:
    return subprocess.run(
        ["docker", "compose", *words], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _address(container: str) -> str:
    """Return the container's own address, at which nothing stands between."""
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return subprocess.run(
        ["docker", "inspect", "--format", form, container],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()


def _localhost(port: str) -> str:
    """Return how the name that Caddy's certificate is for leads to that port."""
    return f"localhost:{_compose('port', 'caddy', port).strip().rpartition(':')[2]}"


def _measure(host: str, rate: int, folder: Path) -> dict[str, Any]:
    reports = Path(tempfile.mkdtemp(dir=folder))
    subprocess.run(
        [
            *("taskset", "--cpu-list", _LOAD_CORE, sys.executable, "-m", "loadtest"),
            *("--host", host, "--clients", str(_CLIENTS), "--duration", str(_SECONDS)),
            *("--sender-every", str(_CLIENTS // _SENDERS), "--payload", str(_PAYLOAD)),
            *("--interval", str(1000 / rate), "--report", str(reports)),
            *("--ca", str(folder / "root.pem")),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,  # a run that is not passed has figures as well, and the table shows them
    )
    (report,) = reports.glob("*.json")
    result: dict[str, Any] = json.loads(report.read_text())
    return result


def _row(way: str, rate: int, result: dict[str, Any]) -> str:
    metrics, generator = result["metrics"], result["generator"]
    offered = rate * _SENDERS * (_CLIENTS - 1)
    kept_up = "kept up" if generator["late_percent"] <= 1 else "**was late**"
    return (
        f"| {way} | {offered:,} | {metrics['throughput']:,.0f} | {metrics['lost']:,.0f} "
        f"| {metrics['p50']:.1f} | {metrics['p99']:.1f} | {metrics['max']:.1f} "
        f"| {generator['cpu_percent']:.0f} %, {kept_up} |"
    )


if __name__ == "__main__":
    sys.exit(main())
