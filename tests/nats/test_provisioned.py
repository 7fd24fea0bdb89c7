"""The settings that provisioning gives to NATS, as NATS reads them."""

import subprocess
from pathlib import Path

import pytest
from jinja2 import Environment, StrictUndefined

from tests.nats.server import need

_TEMPLATE = (
    Path(__file__).parents[2] / "ansible/roles/nats/templates/nats-server.conf.j2"
).read_text()
_HOSTS = ("203.0.113.1", "203.0.113.2", "203.0.113.3")


def _settings(*hosts: str) -> str:
    """For the first of the servers, as Ansible renders them."""
    template = Environment(
        trim_blocks=True,
        undefined=StrictUndefined,
        autoescape=False,
    ).from_string(_TEMPLATE)
    return template.render(
        inventory_hostname=hosts[0],
        groups={"nats": list(hosts)},
        hostvars={host: {"nats_address": f"10.0.0.{at + 2}"} for at, host in enumerate(hosts)},
        nats_token="0123456789abcdef",
        nats_max_payload="12MB",
    )


@pytest.mark.parametrize("count", [1, 3])
def test_nats_takes_its_settings(tmp_path: Path, count: int) -> None:
    """One server alone, and one of three."""
    file = tmp_path / "nats-server.conf"
    file.write_text(_settings(*_HOSTS[:count]))
    done = subprocess.run([need(), "-t", "-c", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_servers_of_a_cluster_know_each_other() -> None:
    """By their addresses in it, and not by those that the inventory names them by."""
    assert "cluster" not in _settings(_HOSTS[0])
    settings = _settings(*_HOSTS)
    routes = [line.split("@")[1].strip('"') for line in settings.splitlines() if "route:" in line]
    assert routes == ["10.0.0.3:6222", "10.0.0.4:6222"]
