"""create.yml makes a server at Hetzner Cloud, and provision.yml makes that one a host for Relay."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.lab import images
from tests.lab.hcloud import Hetzner
from tests.lab.playbook import Outcome, play, provision
from tests.lab.vps import private_key, public_key

TOKEN = "a-token-of-the-lab"


@pytest.fixture
async def hetzner() -> AsyncIterator[Hetzner]:
    """A project without anything in it, at the cloud."""
    images.require(images.VPS)
    async with Hetzner(TOKEN) as hetzner:
        yield hetzner


async def create(hetzner: Hetzner, *arguments: str, token: str = TOKEN) -> Outcome:
    """Run create.yml while the imitation answers."""
    return await asyncio.to_thread(
        play,
        *("create.yml", "-e", f"create_public_key_file={private_key()}.pub", *arguments),
        HCLOUD_TOKEN=token,
        HCLOUD_ENDPOINT=hetzner.url,
    )


async def test_a_missing_token_is_one_sentence(hetzner: Hetzner) -> None:
    """It says where to get one, and nothing is asked."""
    (await create(hetzner, token="")).refused(
        "HCLOUD_TOKEN is not set: make a token with read and write access"
    )
    assert hetzner.requests == []


async def test_a_wrong_token_is_one_sentence(hetzner: Hetzner) -> None:
    """Hetzner refuses it, and nothing is made."""
    outcome = await create(hetzner, token="of-another-project")
    outcome.refused("HCLOUD_TOKEN is refused by Hetzner: make a new one with read and write access")
    assert "of-another-project" not in outcome.output
    assert outcome.output.count("[ERROR]") == 1
    assert hetzner.project.ssh_keys == {}


async def test_a_cloud_that_cannot_be_reached_is_one_sentence(hetzner: Hetzner) -> None:
    """As on a train."""
    outcome = await asyncio.to_thread(
        play,
        *("create.yml", "-e", f"create_public_key_file={private_key()}.pub"),
        HCLOUD_TOKEN=TOKEN,
        HCLOUD_ENDPOINT="http://127.0.0.1:9/v1",
    )
    outcome.refused(
        "http://127.0.0.1:9/v1 does not answer as Hetzner does: is this machine online?"
    )


async def test_a_type_that_is_not_sold_is_one_sentence(hetzner: Hetzner) -> None:
    """In Hetzner's words, with what to try instead."""
    (await create(hetzner, "-e", "create_server_type=cx1")).refused(
        "Hetzner makes no cx1 in fsn1: server_type cx1 not found (other types and places: -e"
    )


async def test_a_dry_run_makes_nothing(hetzner: Hetzner) -> None:
    """It says what it would make."""
    outcome = (await create(hetzner, "--check")).succeeded()
    assert "a cx23 named relay in fsn1" in outcome.words
    assert hetzner.project.servers == {}


async def test_a_server_is_made_once_and_then_provisioned(
    hetzner: Hetzner, lab: tuple[str, ...]
) -> None:
    """With key, firewall and protection; a second run finds it; provision.yml does the rest."""
    project = hetzner.project
    made = (await create(hetzner)).succeeded()
    (server,) = project.servers.values()
    (machine,) = project.machines.values()
    assert server["image"]["name"] == "debian-13"
    assert server["protection"] == {"delete": True, "rebuild": True}
    (firewall,) = project.firewalls.values()
    assert [place["id"] for place in server["public_net"]["firewalls"]] == [firewall["id"]]
    assert [(rule["protocol"], rule["port"]) for rule in firewall["rules"]] == [
        ("icmp", None),
        ("tcp", "22"),
        ("tcp", "80"),
        ("tcp", "443"),
        ("udp", "443"),
    ]
    (key,) = project.ssh_keys.values()
    assert public_key().startswith(key["public_key"])
    assert f"relay.example.org. A {machine.address}" in made.words

    again = (await create(hetzner)).succeeded()
    assert again.changed == 0
    assert len(project.servers) == 1

    (await create(hetzner, "-e", "create_protection=false")).succeeded()
    assert server["protection"] == {"delete": False, "rebuild": False}

    outcome = await asyncio.to_thread(provision, machine, *lab)
    outcome.succeeded()
    assert f"It will answer at http://{machine.address}/." in outcome.words
