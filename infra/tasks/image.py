"""The image of a release: built here for the host's kind of machine, or on the host itself."""

import os
import shlex
import subprocess
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from pyinfra import host, logger

from infra.host.record import is_release
from infra.plan.journal import Journal
from infra.plan.plan import Plan
from infra.plan.refusal import Refusal
from infra.plan.release import Release
from infra.tasks import preflight, remote
from infra.tasks.layers import Saved
from infra.tasks.site import Site, site_of
from infra.tasks.step import step

_BUILD_ROOM = 1 << 30  # bytes for a build on the host, with its base image and packages
_QUICK = 20  # seconds
_PULL = 180  # seconds for a base image
_SHOWN = 20  # lines of a build that failed, above its last one
_DOCKER = "docker"


def ship(plan: Plan, release: Release, site: Site) -> None:
    """Have the image on the host."""
    here = _architecture()
    if here == site.architecture:
        step("Image | Build here", _build_here, plan, release)
        step("Image | Send what the host lacks", _send, plan, release)
    else:
        reason = f"this machine builds for {here}" if here else "no Docker engine answers here"
        logger.info(f"    {reason}, the host is {site.architecture}: it builds the image itself")
        if os.environ.get("GITHUB_ACTIONS") and site.architecture == "arm64":
            logger.warning("    set the variable DEPLOY_RUNNER to ubuntu-24.04-arm to build there")
        step("Image | Build on the host", _build_there, plan, release)


def _architecture() -> str:
    """Of the engine here; "" if there is none."""
    command = [_DOCKER, "version", "--format", "{{.Server.Arch}}"]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""


def _build_command(plan: Plan, release: Release) -> list[str]:
    command = [_DOCKER, "build", "--quiet", "--file", "Dockerfile.relay", "--tag", release.image]
    for name, value in (
        ("RELEASE_COMMIT", release.commit),
        ("RELEASE_TIME", release.time),
        ("RELEASE_ACTOR", plan.actor),
    ):
        command += ["--build-arg", f"{name}={value}"]
    return [*command, "-"]


def _build_here(plan: Plan, release: Release) -> None:
    _forget_older(release)
    if not _identity_here(release):
        _refresh([])
        _pipe_archive(release, _build_command(plan, release), "the image cannot be built")


def _forget_older(release: Release) -> None:
    """Leave no row of releases here, but those of an hour: another deploy may be sending one."""
    made = datetime.strptime(release.name.split("-")[0], "%Y%m%dT%H%M%S")
    hour_ago = f"{made - timedelta(hours=1):%Y%m%dT%H%M%S}"
    command = [_DOCKER, "image", "ls", "--format", "{{.Tag}}", "relay"]
    tags = subprocess.run(command, capture_output=True, text=True).stdout.split()
    if old := [f"relay:{tag}" for tag in tags if is_release(tag) and tag < hour_ago]:
        subprocess.run([_DOCKER, "image", "rm", *old], capture_output=True)


def _identity_here(release: Release) -> str:
    """The image's id; "" if it has not been built."""
    command = [_DOCKER, "image", "inspect", "--format", "{{.Id}}", release.image]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _build_there(plan: Plan, release: Release) -> None:
    preflight.check_room(plan.access.host, site_of(host).free, _BUILD_ROOM)
    _refresh(plan.access.ssh)
    command = [*plan.access.ssh, shlex.join(_build_command(plan, release))]
    _pipe_archive(release, command, "the image cannot be built on the host")


def _refresh(ssh: list[str]) -> None:
    """Have the newest of the images that it is built on; `ssh` leads to another machine.

    Not by `docker build --pull`, which fails where no registry answers: a release may be what mends
    a site.
    """
    lines = Path("Dockerfile.relay").read_text().splitlines()
    for base in sorted({line.split()[1] for line in lines if line.startswith("FROM ")}):
        pull = [_DOCKER, "pull", "--quiet", base]
        command = [*ssh, shlex.join(pull)] if ssh else pull
        try:
            done = subprocess.run(command, capture_output=True, timeout=_PULL)
            worked = done.returncode == 0
        except subprocess.TimeoutExpired:
            worked = False
        if not worked:
            logger.warning(f"    no registry answers for {base}: building on what is there")


def _pipe_archive(release: Release, command: list[str], what: str) -> None:
    """Feed a build with the sources as git has them: what is not in git is in no release."""
    with tempfile.TemporaryFile() as words:
        archive = subprocess.Popen(
            ["git", "-c", "tar.umask=0022", "archive", release.tree],
            stdout=subprocess.PIPE,
        )
        done = subprocess.run(
            command,
            stdin=archive.stdout,
            stdout=subprocess.DEVNULL,
            stderr=words,
            # A builder that adds manifests of its own makes images that an older engine refuses.
            env={**os.environ, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
        )
        assert archive.stdout is not None
        archive.stdout.close()  # or git would wait for somebody to read the rest
        archive.wait()
        if done.returncode:
            *before, last = _lines(words) or [""]
            for line in before[-_SHOWN:]:
                logger.info(f"    {line}")
            raise Refusal(f"{what}: {last}")


def _send(plan: Plan, release: Release) -> None:
    site = site_of(host)
    journal = Journal.of(plan.directory)
    saved_file = plan.directory / "image.tar"
    identity = _identity_here(release)
    if identity in site.images:
        remote.run(["docker", "tag", identity, release.image], _QUICK)
        journal.fact("sent", 0)
        return
    save = [_DOCKER, "save", "--output", str(saved_file), release.image]
    saving = subprocess.run(save, capture_output=True, text=True)
    if saving.returncode:
        raise Refusal(f"the image cannot be saved: {saving.stderr.strip()}")
    saved = Saved.open(saved_file)
    known = saved.known(list(site.images.values()))
    size = saved.bytes_above(known)
    # The engine unpacks twice: the archive as a whole, and then its layers.
    preflight.check_room(plan.access.host, site.free, 2 * size)
    logger.info(
        f"    {size / preflight.MEGABYTE:.1f} MB to send:"
        f" the host has {known} of {len(saved.chain)} layers"
    )
    journal.fact("sent", size)
    try:
        _load(plan, saved, known)
    except Refusal as refusal:
        if not known or "no space left" in str(refusal):
            raise
        # An engine with another image store asks for every layer.
        logger.info(f"    {refusal}: sending all of it")
        _load(plan, saved, 0)
    saved_file.unlink()


def _load(plan: Plan, saved: Saved, known: int) -> None:
    with tempfile.TemporaryFile() as words:
        loading = subprocess.Popen(
            [*plan.access.ssh, "docker load --quiet"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=words,
        )
        assert loading.stdin is not None
        broken = None
        try:
            saved.write(known, loading.stdin)
            loading.stdin.close()
        except OSError as error:  # it stopped reading, and says why
            broken = error
        if loading.wait() or broken:
            *_, last = _lines(words) or [str(broken)]
            raise Refusal(f"the image did not get to {plan.access.host}: {last}")


def _lines(words: IO[bytes]) -> list[str]:
    words.seek(0)
    return words.read().decode(errors="replace").strip().splitlines()
