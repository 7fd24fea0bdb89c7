"""A release beside the one that serves, where no client finds it and it can take over nothing."""

from infra.host.directory import Directory
from infra.host.failure import Failure
from infra.host.host import Host

_NAME = "relay-rehearsal"
_TOLD = "the release was rehearsed beside the one that serves, and"


def rehearse(host: Host, release: Directory) -> None:
    """Run it with the host's settings and carry a message; it is removed anyway.

    Failure says what is wrong with it.
    """
    checked = host.docker.compose(release.path, "config", "--quiet")
    if not checked.worked:
        raise Failure(f"docker-compose.yml of this release has an error: {checked.reason}")
    host.caddy.validate((release.path / "Caddyfile.docker").read_bytes())
    host.docker.remove_named(_NAME)
    try:
        _run(host, release)
    finally:
        host.docker.remove_named(_NAME)


def _run(host: Host, release: Directory) -> None:
    # With its sockets it would take over from the relay that serves: the second file takes them.
    started = host.docker.compose(
        release.path,
        *("--file", str(release.path / "rehearsal.yml"), "run", "--detach", "--no-deps"),
        *("--name", _NAME, "relay"),
    )
    if not started.worked:
        raise Failure(f"the release does not start on this host: {started.reason}")
    relay = host.docker.find(_NAME)
    try:
        host.relays.await_ready(relay)
        host.relays.carry_a_message(relay, release.path / "roundtrip.py")
        if not host.relays.lasts(relay):
            raise Failure("it ended after it had become ready")
    except Failure as failure:
        host.relays.show_last_words(relay)
        raise Failure(f"{_TOLD} {failure}") from None


def remove_left_over(host: Host) -> None:
    """Remove the rehearsal of a deploy that was cut off."""
    for container in host.docker.one_offs():
        print("removing the rehearsal of a deploy that was cut off", flush=True)
        host.docker.remove_named(container)
