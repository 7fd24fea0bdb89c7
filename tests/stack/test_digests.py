"""`make digests` with an engine and a registry."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import images
from tests.lab.engine import ROOT, run
from tests.lab.registry import Registry

_INDEX = "application/vnd.docker.distribution.manifest.v2+json"
_ZEROS = f"sha256:{64 * '0'}"


@pytest.fixture
def registry() -> Iterator[str]:
    """Where it listens, and what it calls its images; what is pulled from there is removed."""
    images.require(images.PYTHON, images.CADDY, images.LAB_CADDY)
    with Registry("127.0.0.1") as registry:
        yield f"{registry.url.removeprefix('http://')}/library/"


def _digest(registry: str, image: str) -> str:
    """Ask the registry itself."""
    host, _, path = registry.partition("/")
    name, _, tag = image.partition(":")
    asked = urllib.request.Request(
        f"http://{host}/v2/{path}{name}/manifests/{tag}", method="HEAD", headers={"Accept": _INDEX}
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        digest: str = answer.headers["Docker-Content-Digest"]
    return digest


def _forget(name: str, digest: str) -> None:
    for left in (name, f"{name.rpartition(':')[0]}@{digest}"):
        run("docker", "rmi", left, check=False)


def test_a_pinned_base_is_what_the_registry_has_and_is_built_on(
    registry: str, tmp_path: Path
) -> None:
    """The digest is the registry's own, and Docker builds on it."""
    dockerfile = tmp_path / "Dockerfile"
    name, digest = f"{registry}{images.PYTHON}", _digest(registry, images.PYTHON)
    dockerfile.write_text(f"FROM {name} AS base\nFROM base\nRUN python --version\n")
    try:
        run(ROOT / "scripts/pin-images", dockerfile)
        assert dockerfile.read_text().splitlines()[0] == f"FROM {name}@{digest} AS base"
        run("docker", "rmi", name)
        built = tmp_path / "built"
        run("docker", "build", "--iidfile", built, tmp_path)
        run("docker", "rmi", built.read_text())
    finally:
        _forget(name, digest)


def test_a_pinned_service_is_what_the_registry_has_unless_a_setting_says_otherwise(
    registry: str, tmp_path: Path
) -> None:
    """Also where it was pinned before, to something else; compose reads it, and pulls it."""
    file = tmp_path / "docker-compose.yml"
    name, digest = f"{registry}{images.CADDY}", _digest(registry, images.CADDY)
    repository, _, tag = name.rpartition(":")
    lines = (
        "services:\n"
        "  caddy:\n"
        f"    image: {repository}:${{CADDY_VERSION:-{tag}}}\n"
        "  older:\n"
        f"    image: {repository}:${{CADDY_VERSION:-{tag}@{_ZEROS}}} # since last year\n"
        "  relay:\n"
        "    image: ${RELAY_IMAGE:-relay:dev}\n"
    )
    file.write_text(lines)
    compose = ("docker", "compose", "--file", file)
    try:
        for _ in range(2):
            run(ROOT / "scripts/pin-images", file)
            read = json.loads(run(*compose, "config", "--format", "json"))["services"]
            assert read["caddy"]["image"] == read["older"]["image"] == f"{name}@{digest}"
            assert read["relay"]["image"] == "relay:dev"
        asked = json.loads(run("env", "CADDY_VERSION=2.9", *compose, "config", "--format", "json"))
        assert asked["services"]["caddy"]["image"] == f"{repository}:2.9"
        run("docker", "rmi", name)
        run(*compose, "pull", "--quiet", "caddy")
    finally:
        _forget(name, digest)
