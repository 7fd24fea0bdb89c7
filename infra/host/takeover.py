"""One relay takes over from others. Forward and back it is the same."""

from collections.abc import Sequence
from contextlib import suppress

from infra.host.directory import Directory
from infra.host.docker import Container
from infra.host.failure import Failure
from infra.host.host import Host


def take_over(host: Host, new: Container, olds: Sequence[Container]) -> None:
    """Start `new`, which takes over all connections from `olds`. Failure: it is not ready.

    Who serves after a failure has to be asked. The old containers run on, and serve nobody, unless
    they cannot hand over.
    """
    for old in olds:
        # Whoever has handed over must not come back: it would take over in its turn.
        host.docker.let_restart(old, False)
        if host.relays.hangs(old):
            print(f"release {old.release} hangs and hands nothing over: it is killed", flush=True)
            host.docker.kill(old)
    host.docker.start(new)
    host.relays.await_ready(new)


def adopt(host: Host, serving: Container, release: Directory) -> None:
    """Make what serves the record, whatever it is, and leave no other relay beside it."""
    host.docker.let_restart(serving, True)
    if not host.record.holds(release):
        host.record.commit(release)
    with suppress(Failure):  # it goes on with what it has
        host.caddy.reload(host.record.caddyfile)
    for relay in host.docker.relays():
        if relay.id != serving.id:
            host.docker.stop(relay)  # whom it could not hand over is asked to leave
            host.docker.remove(relay)
    release.remember()
    host.record.end()
