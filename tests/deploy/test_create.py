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


@pytest.mark.parametrize("kind", ["server", "firewall"])
async def test_what_somebody_else_has_made_is_left_alone(hetzner: Hetzner, kind: str) -> None:
    """It has the name by accident: a firewall would close it, and protection keep it."""
    if kind == "firewall":
        hetzner.project.add_firewall("relay", [])
    else:
        asked = {"server_type": "cx23", "image": "debian-13", "location": "fsn1", "name": "relay"}
        hetzner.project.add_server(asked)
    (await create(hetzner)).refused(
        f"this project has a {kind} called relay that this playbook has not made, since the label"
        " app=relay is missing: name yours otherwise, by -e create_name=..."
    )
    assert not [request for request in hetzner.requests if not request.startswith("GET ")]


async def test_what_is_not_sold_is_one_sentence_with_what_is(hetzner: Hetzner) -> None:
    """The cheapest that do, with their prices; nothing is asked for."""
    hetzner.project.market.sold_out = {("cx23", "hel1"), ("cx33", "hel1"), ("cx33", "fsn1")}
    words = ("-e", "create_server_types=cx1", "-e", "create_locations=hel1,fsn1")
    outcome = (await create(hetzner, *words)).refused(
        "Hetzner has none of cx1 in hel1,fsn1 now; with 4 GB or more there is cx23 in fsn1"
        " (4.15 EUR a month), cax11 in fsn1 (4.51 EUR a month), cax11 in hel1 (4.51 EUR a"
    )
    assert "cx33" not in outcome.words
    assert not [request for request in hetzner.requests if request == "POST /v1/servers"]


async def test_a_shortage_leads_to_the_next_that_is_to_be_had(hetzner: Hetzner) -> None:
    """Whether it is listed, or only told when the server is asked for."""
    hetzner.project.market.sold_out = {("cx23", "fsn1")}
    hetzner.project.market.just_sold_out = {("cx23", "hel1"), ("cax11", "fsn1")}
    outcome = (await create(hetzner)).succeeded()
    (server,) = hetzner.project.servers.values()
    assert (server["server_type"]["name"], server["location"]["name"]) == ("cax11", "hel1")
    assert (
        "Hetzner makes no cx23 in hel1 (4.15 EUR a month) now: Server Type temporarily not"
        in outcome.words
    )
    assert "Hetzner makes a cax11 in hel1 (4.51 EUR a month)" in outcome.words


async def test_a_shortage_of_everything_is_one_sentence(hetzner: Hetzner) -> None:
    """As it comes when it has just happened."""
    hetzner.project.market.just_sold_out = {("cx23", "fsn1"), ("cx23", "hel1")}
    (await create(hetzner, "-e", "create_server_types=cx23")).refused(
        "Hetzner has none of cx23 in fsn1,nbg1,hel1 now; with 4 GB or more there is cx23 in fsn1"
    )
    assert hetzner.project.servers == {}


async def test_a_dry_run_makes_nothing(hetzner: Hetzner) -> None:
    """It says what it would make."""
    outcome = (await create(hetzner, "--check")).succeeded()
    assert "cx23 in fsn1 (4.15 EUR a month), named relay" in outcome.words
    assert hetzner.project.servers == {}


async def test_a_server_is_made_once(hetzner: Hetzner) -> None:
    """With key, firewall and protection; a second run finds it."""
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
    assert "relay.example.org. AAAA 2001:db8::1" in made.words

    again = (await create(hetzner)).succeeded()
    assert again.changed == 0
    assert len(project.servers) == 1

    (await create(hetzner, "-e", "create_protection=false")).succeeded()
    assert server["protection"] == {"delete": False, "rebuild": False}


@pytest.mark.long
async def test_a_server_that_was_made_is_provisioned(
    hetzner: Hetzner, lab: tuple[str, ...]
) -> None:
    """provision.yml does the rest, and says where it will answer."""
    (await create(hetzner)).succeeded()
    (machine,) = hetzner.project.machines.values()
    outcome = await asyncio.to_thread(provision, machine, *lab)
    outcome.succeeded()
    assert f"It will answer at http://{machine.address}/." in outcome.words
