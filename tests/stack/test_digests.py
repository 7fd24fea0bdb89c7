"""`make digests` with an engine and a registry."""

import urllib.request
from pathlib import Path

from tests.lab import images
from tests.lab.engine import ROOT, run
from tests.lab.registry import Registry

_INDEX = "application/vnd.docker.distribution.manifest.v2+json"


def test_a_pinned_image_is_what_the_registry_has_and_is_built_on(tmp_path: Path) -> None:
    """The digest is the registry's own, and Docker builds on it."""
    images.require(images.PYTHON, images.CADDY, images.LAB_CADDY)
    dockerfile = tmp_path / "Dockerfile"
    with Registry("127.0.0.1") as registry:
        name = f"{registry.url.removeprefix('http://')}/library/{images.PYTHON}"
        dockerfile.write_text(f"FROM {name} AS base\nFROM base\nRUN python --version\n")
        repository, _, tag = images.PYTHON.partition(":")
        asked = urllib.request.Request(
            f"{registry.url}/v2/library/{repository}/manifests/{tag}",
            method="HEAD",
            headers={"Accept": _INDEX},
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            digest = answer.headers["Docker-Content-Digest"]
        try:
            run(ROOT / "scripts/pin-images", dockerfile)
            pinned = f"{name}@{digest}"
            assert dockerfile.read_text().splitlines()[0] == f"FROM {pinned} AS base"
            run("docker", "rmi", name)
            built = tmp_path / "built"
            run("docker", "build", "--iidfile", built, tmp_path)
            run("docker", "rmi", built.read_text())
        finally:
            for left in (name, f"{name.removesuffix(f':{tag}')}@{digest}"):
                run("docker", "rmi", left, check=False)
