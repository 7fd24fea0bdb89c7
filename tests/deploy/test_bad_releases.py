"""What must not get through: the old release serves on, and the next good one succeeds."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.lab.checkout import PATIENCE, Checkout
from tests.lab.engine import ROOT
from tests.lab.release_host import ReleaseHost, Untouched

# The real one, whose layers are there already, and more lines.
_IMAGE = (ROOT / "Dockerfile.relay").read_text()
_NEVER_READY = f'{_IMAGE}CMD ["sleep", "infinity"]\n'
_CRASHES = _IMAGE + 'CMD ["python", "-c", "raise SystemExit(\'no luck\')"]\n'
_MUTE = f"{_IMAGE}ENV RELEASE_COMMIT=another\n"
_GO_ON = "pkill -CONT -f '^docker load'"
# Good when it is rehearsed; dies once it is alone under the name that Caddy asks for.
_DIES_LATER = f'{_IMAGE}COPY relay/late.py late.py\nCMD ["python", "late.py"]\n'
_LATE = """
import signal, socket, subprocess, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
relay = subprocess.Popen([sys.executable, "-m", "relay"])
me = [socket.gethostbyname(socket.gethostname())]
while relay.poll() is None:
    time.sleep(0.2)
    try:
        if socket.gethostbyname_ex("relay")[2] == me:
            relay.kill()
    except OSError:
        pass  # nobody has that name: a rehearsal
sys.exit("died once it was alone")
"""


@pytest.fixture
def _good_again(checkout: Checkout, release_host: ReleaseHost) -> Iterator[None]:
    """After the test, the checkout has good files again, and they can be deployed."""
    good = checkout.git("rev-parse", "HEAD")
    yield
    checkout.undo(good)
    commit = checkout.commit("Good again")
    checkout.deploy("--witnesses", "0").succeeded()
    assert release_host.health()["commit"] == commit
    assert len(release_host.containers()) == 1
    assert release_host.images() == release_host.releases()


@pytest.mark.usefixtures("_good_again")
def test_releases_that_fail_before_the_switch_touch_nothing(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """Each ends with the reason; the relay that serves is not even asked."""
    before = Untouched(release_host)
    good = checkout.git("rev-parse", "HEAD")
    for file, text, sentence in (
        ("docker-compose.yml", "services:\n  relay:\n    imagine: relay\n", "imagine"),
        ("Caddyfile.docker", "{\n\tnonsense\n}\n", "unrecognized global option: nonsense"),
        ("Dockerfile.relay", f"{_IMAGE}RUN false\n", "the image cannot be built"),
        ("Dockerfile.relay", _CRASHES, "it ended with exit code 1"),
    ):
        checkout.commit("A bad release", {file: text})
        outcome = checkout.deploy().refused(sentence)
        before.check()
        checkout.undo(good)
    assert "| no luck" in outcome.output  # its last lines


@pytest.mark.long
@pytest.mark.usefixtures("_good_again")
def test_release_that_never_gets_ready_touches_nothing(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """It is given the time that the compose file gives it."""
    before = Untouched(release_host)
    checkout.commit("A bad release", {"Dockerfile.relay": _NEVER_READY})
    checkout.deploy().refused("it runs but does not get ready")
    before.check()


@pytest.mark.usefixtures("_good_again")
@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        pytest.param(_MUTE, "/health answers for commit another", id="wrong answers"),
        pytest.param(
            *(_DIES_LATER, "the new relay did not last"),
            id="dies when alone",
            marks=pytest.mark.long,
        ),
    ],
)
def test_release_that_fails_after_the_switch_is_taken_back(
    checkout: Checkout, release_host: ReleaseHost, image: str, sentence: str
) -> None:
    """The release before serves again, by itself, with its own Caddyfile."""
    old, commit = release_host.current(), release_host.health()["commit"]
    caddyfile = (checkout.folder / "Caddyfile.docker").read_text()
    changed = caddyfile.replace("\theader -Server\n", "\theader -Server\n\theader X-Bad yes\n")
    checkout.commit(
        "A bad release",
        {"Dockerfile.relay": image, "Caddyfile.docker": changed, "relay/late.py": _LATE},
    )
    outcome = checkout.deploy("--witnesses", "0").refused(sentence)
    assert f"release {old} serves again" in outcome.output
    assert release_host.current() == old
    assert list(release_host.containers().values()) == [f"relay:{old}"]
    assert release_host.health()["commit"] == commit
    assert "X-Bad" not in release_host.headers()


@pytest.mark.usefixtures("_good_again")
def test_full_disk_is_noticed_before_anything_is_sent(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """The sentence names what is free and what is needed."""
    before = Untouched(release_host)
    release_host.vps.run(
        "free=$(df --output=avail -BM /var/lib/docker | tail -n 1 | tr -dc 0-9); "
        "fallocate --length $((free - 100))M /var/lib/docker/filler"
    )
    try:
        checkout.deploy().refused(" MB free where Docker keeps its images, and this needs 256 MB")
        before.check()
    finally:
        release_host.vps.run("rm /var/lib/docker/filler")


@pytest.mark.long
@pytest.mark.usefixtures("_good_again")
def test_disk_that_fills_up_while_the_image_arrives_leaves_no_trace(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """The engine's own words, exit code 1, and the old release serves on."""
    before = Untouched(release_host)
    deploy = _begin_upload(checkout, release_host)
    try:
        # All of it: the engine has yet to be given more than it may still write meanwhile.
        release_host.vps.run("cat /dev/zero > /var/lib/docker/filler || true")
        release_host.vps.run(_GO_ON)
        output, _ = deploy.communicate(timeout=PATIENCE)
        assert deploy.returncode == 1
        assert "no space left on device" in output.splitlines()[-1]
        before.check()
    finally:
        release_host.vps.run("rm /var/lib/docker/filler")


@pytest.mark.usefixtures("_good_again")
def test_upload_that_is_cut_off_changes_nothing(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """The deploying machine dies in the middle of the image."""
    before = Untouched(release_host)
    deploy = _begin_upload(checkout, release_host)
    _kill(deploy)
    release_host.vps.run(_GO_ON)
    release_host.vps.wait_until(lambda: not _loads(release_host), "the engine has given up")
    before.check()


@pytest.mark.usefixtures("_good_again")
def test_switch_finishes_without_the_machine_that_began_it(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """The network is gone in the middle: the host looks for itself and keeps what works."""
    commit = checkout.commit("A release whose deploy is cut off")
    deploy = checkout.begin("deploy", "--witnesses", "0")
    block = "INPUT --protocol tcp --dport 22 --jump DROP"
    release = _in_switch(release_host, f"iptables --insert {block}")
    try:
        output, _ = deploy.communicate(timeout=PATIENCE)
        assert deploy.returncode == 1, output
        assert "the connection to" in output.splitlines()[-1]
        release_host.vps.wait_until(lambda: release_host.state(release) == "kept", "it is kept")
    finally:
        release_host.vps.run(f"iptables --delete {block}")
    assert release_host.current() == release
    assert list(release_host.containers().values()) == [f"relay:{release}"]
    assert release_host.health()["commit"] == commit


@pytest.mark.parametrize(
    "which",
    [pytest.param("--all", id="made", marks=pytest.mark.long), pytest.param("", id="started")],
)
def test_next_deploy_mends_a_switch_that_was_killed(
    checkout: Checkout, release_host: ReleaseHost, which: str
) -> None:
    """As after a power cut: the new relay has been made, or takes over from the one on record."""
    checkout.commit("A release whose switch is killed")
    deploy = checkout.begin("deploy", "--witnesses", "0")
    relays = f"docker ps {which} --quiet --filter label=com.docker.compose.service=relay"
    _in_switch(
        release_host,
        f'until [ "$({relays} | wc -l)" = 2 ]; do sleep 0.02; done; kill -KILL "$(cat pid)"',
    )
    output, _ = deploy.communicate(timeout=PATIENCE)
    assert deploy.returncode == 1
    assert "the program on the host was killed" in output.splitlines()[-1]
    assert release_host.health()["status"] == "healthy"
    outcome = checkout.deploy("--witnesses", "0").succeeded()
    assert "mending" in outcome.output
    assert len(release_host.containers()) == 1
    assert release_host.images() == release_host.releases()


@pytest.mark.long
@pytest.mark.usefixtures("_good_again")
def test_bad_release_after_a_switch_that_was_killed_is_taken_back(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """The one before it serves, though nobody has lived to say that it does."""
    commit = checkout.commit("A release whose switch is killed when all is done")
    deploy = checkout.begin("deploy", "--witnesses", "0")
    release = _in_switch(
        release_host,
        'until [ "$(cat state)" = serving ]; do sleep 0.02; done; kill -KILL "$(cat pid)"',
    )
    output, _ = deploy.communicate(timeout=PATIENCE)
    assert deploy.returncode == 1, output
    checkout.commit("A bad release", {"Dockerfile.relay": _MUTE})
    outcome = checkout.deploy("--witnesses", "0").refused(f"release {release} serves again")
    assert release_host.current() == release, outcome.output
    assert release_host.health()["commit"] == commit


def _begin_upload(checkout: Checkout, release_host: ReleaseHost) -> subprocess.Popen[str]:
    """Begin to deploy a large image; return with its upload held in the middle, until `_GO_ON`."""
    checkout.commit("A big one", {"Dockerfile.relay": _with_random_bytes(megabytes=150)})
    deploy = checkout.begin("deploy", "--witnesses", "0")
    release_host.vps.run_once("load=$(pgrep -f '^docker load')", "kill -STOP $load")
    return deploy


def _with_random_bytes(megabytes: int) -> str:
    # Bytes that no compression makes fewer, so that they take a while.
    return f"{_IMAGE}RUN head -c {megabytes}M /dev/urandom > /tmp/random\n"


def _loads(host: ReleaseHost) -> bool:
    return bool(host.vps.run("pgrep -f '^docker load' || true").strip())


def _in_switch(host: ReleaseHost, script: str) -> str:
    """Run a script in the new release's directory once its switch has begun; return its name."""
    newest = "cd /opt/relay/releases && cd $(ls | tail -n 1)"
    host.vps.run_once(f'{newest} && [ "$(cat state || true)" = switching ]', script)
    return host.newest()


def _kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
