"""The relay's image: what it adds to its base, what it says of itself, how it ends."""

import json
import os
import subprocess
from typing import Any

import pytest

from tests.lab import engine, images
from tests.lab import stack as lab
from tests.lab.engine import ROOT, run
from tests.lab.waiting import until

_ASK = """
from urllib.request import urlopen
print(urlopen("http://127.0.0.1:8080/health").read().decode())
"""


def _inspect(image: str) -> Any:
    return json.loads(run("docker", "image", "inspect", image))[0]


@pytest.fixture
def image() -> str:
    """The image, built as a release is, with what it is to say of itself."""
    lab.require_images()
    return images.relay()


def test_the_image_adds_less_than_120_mb_to_its_base(image: str) -> None:
    """Dependencies without an installer, sources without tests."""
    assert _inspect(image)["Size"] - _inspect(images.PYTHON)["Size"] < 120_000_000


def test_labels_and_health_tell_the_release(image: str) -> None:
    """By OCI's names, and on /health."""
    labels = _inspect(image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == images.RELEASE["RELEASE_COMMIT"]
    assert labels["org.opencontainers.image.created"] == images.RELEASE["RELEASE_TIME"]
    container = run("docker", "run", "-d", "--rm", image).strip()
    try:
        _until_it_listens(container)
        health = json.loads(run("docker", "exec", container, "python", "-c", _ASK))
        assert health["commit"] == images.RELEASE["RELEASE_COMMIT"]
        assert health["deployed_at"] == images.RELEASE["RELEASE_TIME"]
        assert health["deployed_by"] == images.RELEASE["RELEASE_ACTOR"]
    finally:
        run("docker", "stop", container)


def _until_it_listens(container: str) -> None:
    until(lambda: "listens on" in run("docker", "logs", container), "the relay listens")


def test_the_relay_is_process_1_and_ends_with_0(image: str) -> None:
    """SIGTERM reaches it: nothing stands between."""
    container = run("docker", "run", "-d", image).strip()
    try:
        assert json.loads(run("docker", "inspect", container))[0]["Config"]["Entrypoint"] is None
        _until_it_listens(container)
        run("docker", "stop", container)
        assert json.loads(run("docker", "inspect", container))[0]["State"]["ExitCode"] == 0
        assert "draining → drained" in run("docker", "logs", container)
    finally:
        run("docker", "rm", "-f", container)


def test_a_health_check_says_why(image: str) -> None:
    """Where nobody listens, its one line names the address, the port and the reason."""
    check = ("docker", "run", "--rm", image, "python", "-IS", "/app/relay/probe.py")
    assert run(*check, check=False) == (
        "no answer from 127.0.0.1 on port 8080: [Errno 111] Connection refused\n"
    )


def test_buildkit_builds_it_too(image: str) -> None:
    """The tests' own builder may be either; this asks for BuildKit wherever a client offers it."""
    tag = f"relay:lab-buildkit-{os.getpid()}"
    for client in ("docker", "/usr/bin/docker"):
        done = subprocess.run(
            [client, "build", "-q", "-f", "Dockerfile.relay", "-t", tag, "."],
            cwd=ROOT,
            env={**engine.environment(), "DOCKER_BUILDKIT": "1"},
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            run("docker", "rmi", tag)
            return
    engine.refuse(f"no Docker client here builds with BuildKit: {done.stderr[-300:]}")
