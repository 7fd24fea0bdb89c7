"""Images by digest: what `make digests` writes into Dockerfiles and compose files."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.process import ROOT

_OLD, _NEW = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"
# As Docker answers where a registry does, and where it knows no such tag.
_DOCKER = f"""#!/bin/sh
case $2 in
*missing*) echo "manifest for $2 not found" >&2; exit 1 ;;
*) printf '3.13: Pulling from %s\\nDigest: {_NEW}\\nStatus: Image is up to date\\n' "$2" ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a docker that answers as if there was a registry."""
    (tmp_path / "docker").write_text(_DOCKER)
    (tmp_path / "docker").chmod(0o755)
    return tmp_path


def _pin(folder: Path, *texts: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run it on files with these texts; return also what the files say then."""
    files = [folder / f"Dockerfile.{number}" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    done = subprocess.run(
        [ROOT / "scripts/pin-images", *files],
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    return done, [file.read_text() for file in files]


def test_every_base_image_is_pinned_and_nothing_else_is_touched(folder: Path) -> None:
    """Its tag stays beside the digest, for people and for whoever proposes newer ones."""
    first = (
        "# FROM nowhere:1\n"
        f"FROM python:3.13-slim@{_OLD} AS build\n"
        "RUN echo python:3.13-slim\n"
        "FROM python:3.13\n"
        "FROM python:3.13-slim\n"
        "COPY --from=build /a /a\n"
    )
    second = "FROM registry.example.org:5000/python:3.13-slim\nFROM build\n"
    done, texts = _pin(folder, first, second)
    assert (done.returncode, done.stderr) == (0, "")
    assert texts == [
        "# FROM nowhere:1\n"
        f"FROM python:3.13-slim@{_NEW} AS build\n"
        "RUN echo python:3.13-slim\n"
        f"FROM python:3.13@{_NEW}\n"
        f"FROM python:3.13-slim@{_NEW}\n"
        "COPY --from=build /a /a\n",
        f"FROM registry.example.org:5000/python:3.13-slim@{_NEW}\nFROM build\n",
    ]
    assert f"python:3.13-slim@{_NEW}\n" in done.stdout
    again, same = _pin(folder, *texts)
    assert (again.returncode, same) == (0, texts)


def test_images_of_services_are_pinned_where_a_setting_may_choose_another(folder: Path) -> None:
    """Not those that are built here; and a digest of before is moved."""
    text = (
        "services:\n"
        "  relay:\n    image: ${RELAY_IMAGE:-relay:dev}\n"
        "  load:\n    image: relay-load:dev\n"
        "  caddy:\n    image: caddy:${CADDY_VERSION:-2%s} # a comment\n"
        "  nats:\n    image: registry.example.org:5000/nats:${NATS_VERSION:-2-alpine%s}\n"
    )
    done, (pinned, moved) = _pin(folder, text % ("", ""), text % (f"@{_OLD}", f"@{_OLD}"))
    assert (done.returncode, done.stderr) == (0, "")
    assert pinned == moved == text % (f"@{_NEW}", f"@{_NEW}")


def test_nothing_is_written_unless_all_digests_are_known(folder: Path) -> None:
    """The sentence names the image, and what Docker says of it."""
    texts = ["FROM python:3.13-slim\n", "FROM python:missing\n"]
    done, same = _pin(folder, *texts)
    assert done.returncode == 1
    assert done.stderr == "python:missing: manifest for python:missing not found\n"
    assert same == texts


def test_make_names_every_file_that_has_an_image_of_somebody_else() -> None:
    """And each image is written in a way that the script knows."""
    command = re.search(r"scripts/pin-images (.+)", (ROOT / "Makefile").read_text())
    assert command is not None
    patterns = ("*Dockerfile*", "loadtest/*Dockerfile*", "docker-compose*.yml")
    files = [file for pattern in patterns for file in ROOT.glob(pattern)]
    found = {str(file.relative_to(ROOT)): named for file in files if (named := _named(file))}
    assert sorted(found) == sorted(command[1].split())
    known = re.compile(r"[a-z]+:(\$\{[A-Z_]+:-)?[\w.-]+(@sha256:\w+)?\}?")
    assert all(known.fullmatch(image) for named in found.values() for image in named), found


def _named(file: Path) -> list[str]:
    """Images of a file, without those that this project builds."""
    named = re.findall(r"^(?:FROM|    image:) +(\S+)", file.read_text(), re.MULTILINE)
    return [image for image in named if "relay" not in image]
