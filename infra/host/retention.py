"""What a host remembers: the release that serves, those to go back to, and nothing else."""

from infra.host.directory import Directory
from infra.host.host import Host
from infra.host.record import is_release

_REMEMBERED = 3  # releases that can be gone back to
_HOUR = 3600.0  # seconds after which a deploy that never finished is left over


def prune(host: Host, latest: Directory) -> None:
    """Remove what no rollback goes to, with its image, and what builds have left.

    A release that was gone back from is needed by nobody once a later one serves. What never served
    may be a deploy that is still uploading, if it is newer than what was put live, `latest`.
    """
    current = host.record.current
    kept = {current, *_before(host, current)}
    for release in host.record.releases():
        if release.name in kept:
            continue
        if release.name > (current if release.has_served else latest.name):
            continue
        forget(host, release)
    left = {release.name for release in host.record.releases()}
    for tag in host.docker.tags():
        if is_release(tag) and tag not in left:
            host.docker.forget(tag)
    host.docker.prune_builds()


def _before(host: Host, name: str) -> list[str]:
    """The releases that rollbacks from this one go to, the first first."""
    found: list[str] = []
    while len(found) < _REMEMBERED and (before := host.record.before(name)) not in (None, *found):
        assert before is not None
        found.append(name := before)
    return found


def remove_unfinished(host: Host, but: str) -> None:
    """Remove releases of deploys that were cut off before they put anything live."""
    too_old = host.clock.stamp(_HOUR)
    for release in host.record.releases():
        if release.has_served or release.name in (but, host.record.current):
            continue
        if release.name < too_old:
            print(f"removing release {release.name}, which was never finished", flush=True)
            forget(host, release)


def forget(host: Host, release: Directory) -> None:
    """Its image and its files."""
    host.docker.forget(release.name)
    release.remove()
