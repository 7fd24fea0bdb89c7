"""Two runs of provision.yml on one host: the first goes on, and the second is told of it."""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.lab.playbook import Outcome, provision
from tests.lab.vps import Vps

pytestmark = pytest.mark.long

_HOLD_APT = (
    'import fcntl, time; lock = open("/var/lib/apt/lists/lock", "w");'
    "fcntl.lockf(lock, fcntl.LOCK_EX); time.sleep(1000)"
)
# Whose task is a later one, which takes its time: cut off between two tasks, Ansible connects anew.
_HELD = (
    "grep -qs '^provisioning by .*, since 20' /opt/relay/lock && ! pgrep -x systemd-run >/dev/null"
    " && ps -C sh -o etimes=,args="
    " | awk '/python3 && sleep 0/ && $1 > 5 { found = 1 } END { exit !found }'"
)


@contextmanager
def _in_the_middle(vps: Vps, *, retries: int = 0) -> Iterator[Future[Outcome]]:
    """A run that has the lock, and goes on when the block ends: till then it waits for apt."""
    vps.run(f"systemd-run --quiet --unit busy python3 -c '{_HOLD_APT}'")
    with ThreadPoolExecutor(1) as beside:
        try:
            again = str(retries)
            run = beside.submit(provision, vps, "--tags", "base", ANSIBLE_SSH_RETRIES=again)
            vps.run_once(f"({_HELD})", "true")
            yield run
        finally:
            vps.run("systemctl stop busy")


def test_a_second_run_is_refused_and_the_first_goes_on(bare_vps: Vps) -> None:
    """On a host that had no lock before. The sentence says whose run it is, and since when."""
    with _in_the_middle(bare_vps) as first:
        for _ in range(2):
            refused = provision(bare_vps, "--tags", "base", "-e", "provision_lock_wait=1")
            refused.refused(f"{bare_vps.address} is held by another run: provisioning by ")
            assert re.search(r"by \S+@\S+, since 20\S+ UTC: wait until that has", refused.words)
        assert not first.done()
    first.result().succeeded()
    bare_vps.run("flock --nonblock /opt/relay/lock true")
    assert provision(bare_vps, "--tags", "base").succeeded().changed == 0


def test_a_run_that_was_cut_off_lets_go_with_its_connection(bare_vps: Vps) -> None:
    """The next one has the lock, with nobody's help."""
    with _in_the_middle(bare_vps) as first:
        bare_vps.run("pkill -x sshd-session")
        assert first.result().code != 0
        bare_vps.run_once("flock --nonblock /opt/relay/lock true", "true")
    provision(bare_vps, "--tags", "base", "-e", "provision_lock_wait=1").succeeded()


def test_a_run_that_goes_on_by_another_connection_says_that_it_had_no_lock(bare_vps: Vps) -> None:
    """Ansible connects anew between two tasks, or where it is told to try again."""
    with _in_the_middle(bare_vps, retries=3) as first:
        bare_vps.run("pkill -x sshd-session")
        bare_vps.run_once("flock --nonblock /opt/relay/lock true", "true")
        assert not first.done()
    assert "this run went on without the lock of the host, which is lost" in (
        first.result().succeeded().words
    )
