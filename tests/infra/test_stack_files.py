"""What the files of the stack say of each other, and of the relay's settings."""

import re
import subprocess
from pathlib import Path

import pytest

from relay.settings import table

ROOT = Path(__file__).parent.parent.parent
SETTINGS = {name for name, _, _ in table()}
# Not the operator's to set: the container's own, and what the image was built with.
FIXED = {
    "PORT",
    "LISTEN_ADDRESS",
    "RELEASE_COMMIT",
    "RELEASE_TIME",
    "RELEASE_ACTOR",
}
# What the relay cannot see by itself, and its doctor asks for.
FOR_THE_DOCTOR = {"RELAY_STOP_GRACE"}
COMPOSE = (ROOT / "docker-compose.yml").read_text()


def _variables(text: str) -> set[str]:
    return set(re.findall(r"\$\{([A-Z_]+)", text))


def test_every_setting_reaches_the_container() -> None:
    """And nothing that is no setting is passed to the relay."""
    relay = COMPOSE[COMPOSE.index("    environment:") : COMPOSE.index("    read_only:")]
    passed = set(re.findall(r"^      ([A-Z_]+):", relay, re.MULTILINE))
    assert passed == SETTINGS - FIXED | FOR_THE_DOCTOR


NAMES = ("", ".override", ".own-proxy", ".cluster")
FILES = tuple(f"docker-compose{name}.yml" for name in NAMES)


@pytest.mark.parametrize("file", FILES)
def test_every_variable_of_the_compose_files_is_explained(file: str) -> None:
    """In .env.example, which names no other."""
    explained = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert _variables((ROOT / file).read_text()) <= explained
    used = set[str]().union(*(_variables((ROOT / name).read_text()) for name in FILES))
    assert explained <= used | {"COMPOSE_FILE"}  # compose's own


def test_every_variable_of_the_caddyfile_is_set_by_compose() -> None:
    """One that is not would be an empty word in the Caddyfile."""
    used = set(re.findall(r"\{\$([A-Z_]+)", (ROOT / "Caddyfile.docker").read_text()))
    caddy = COMPOSE[COMPOSE.index("  caddy:") :]
    # Caddy reads the first by itself; the second is for the Caddyfile of an older release.
    assert used | {"CADDY_ADMIN", "ACME_CA"} == set(
        re.findall(r"^      ([A-Z_]+):", caddy, re.MULTILINE)
    )


def test_the_shipped_compose_file_gives_caddy_the_hosts_network() -> None:
    """Nothing is published past the host's filter; a laptop publishes, and takes nothing else."""
    assert "network_mode: host" in COMPOSE[COMPOSE.index("  caddy:") :]
    assert "    ports:" not in COMPOSE
    override = (ROOT / "docker-compose.override.yml").read_text()
    assert "network_mode: !reset null" in override


def test_docker_waits_longer_than_the_relay_drains() -> None:
    """Or it would cut off who is still being asked to leave."""
    grace = re.search(r"stop_grace_period: \$\{\w+:-(\d+)s\}", COMPOSE)
    drain = next(default for name, default, _ in table() if name == "DRAIN_TIMEOUT")
    assert grace is not None
    assert int(grace[1]) > int(drain.removesuffix("s"))


def test_caddys_memory_is_enough_for_all_connections() -> None:
    """With both defaults: a client by TLS was measured to cost it up to 125 KB."""
    connections = re.search(r"MAX_CONNECTIONS:-(\d+)", COMPOSE)
    memory = re.search(r"CADDY_MEMORY:-(\d+)m", COMPOSE)
    assert connections and memory
    assert int(connections[1]) * 125_000 < int(memory[1]) * 1024**2


def test_doctor_asks_inside_the_relay_of_the_host() -> None:
    """`make doctor HOST=…`; without a host it looks here."""
    for words, command in (
        (["HOST=203.0.113.7"], "ssh deploy@203.0.113.7 /opt/relay/compose exec -T relay"),
        (["HOST=203.0.113.7", "USERNAME=root"], "ssh root@203.0.113.7 /opt/relay/compose"),
        ([], ".venv/bin/python -m relay doctor"),
    ):
        make = [
            "make",
            "--no-print-directory",
            "--dry-run",
            "--old-file=.venv/relay.lock",
            "doctor",
            *words,
        ]
        done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1].startswith(command)
        assert done.stdout.rstrip().endswith("python -m relay doctor")


def test_the_shipped_compose_file_publishes_no_port_of_the_relay() -> None:
    """The new one starts beside the one that it takes over from."""
    relay = COMPOSE[COMPOSE.index("  relay:") : COMPOSE.index("  caddy:")]
    assert "ports:" not in relay
    assert "container_name" not in relay


def test_only_the_relay_has_the_socket_by_which_it_is_taken_over() -> None:
    """Caddy faces the internet; and no setting of an operator may lead the sockets elsewhere."""
    relay, caddy = COMPOSE[: COMPOSE.index("  caddy:")], COMPOSE[COMPOSE.index("  caddy:") :]
    services = caddy[: caddy.index("\nvolumes:")]
    assert "relay_handover:/run/handover" in relay
    assert "relay_handover" not in services
    for mounted in (relay, services):
        assert "relay_socket:/run/relay" in mounted
    assert "HANDOVER_SOCKET: /run/handover/handover.sock\n" in relay
    assert "LISTEN_SOCKET: /run/relay/relay.sock\n" in relay
    assert 'group_add: ["10001"]' in services
