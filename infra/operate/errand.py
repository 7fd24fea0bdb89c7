"""The program of a host (infra/host), sent there for one question: any release of it may serve."""

import json
import shlex
import subprocess

from infra.host.survey import Survey
from infra.plan.access import Access
from infra.plan.archive import archive
from infra.plan.refusal import Refusal

_ROOT = "/opt/relay"
_PATIENCE = 90.0  # seconds
# Python reads an archive from a file only.
_RECEIVE = 'file=$(mktemp) && trap "rm -f $file" EXIT && cat > $file && python3 -I $file'


def survey(access: Access) -> Survey:
    """Ask what the host is like now."""
    return Survey.parse(json.loads(_send(access, "survey", _ROOT)))


def hold(access: Access, who: str, reason: str) -> None:
    """No deploy from here on."""
    _send(access, "hold", _ROOT, who, reason)


def unhold(access: Access) -> None:
    _send(access, "unhold", _ROOT)


def tokens(access: Access, users: tuple[str, ...], room: str) -> dict[str, str]:
    """By user, from the relay that serves; empty where that asks for none."""
    token = f"python -m relay token --expires 5m --user $user --room {room}"
    mint = f'test -z "$JWT_SECRET" || for user in {" ".join(users)}; do {token}; done'
    command = [f"{_ROOT}/compose", "exec", "--no-TTY", "relay", "sh", "-c", mint]
    minted = _run(access, shlex.join(command)).split()
    return dict(zip(users, minted, strict=True)) if minted else {}


def _send(access: Access, *words: str) -> str:
    return _run(access, f"{_RECEIVE} {shlex.join(words)}", archive())


def _run(access: Access, command: str, text: bytes = b"") -> str:
    try:
        done = subprocess.run(
            [*access.ssh, command], input=text, capture_output=True, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise Refusal(f"{access.host} does not answer within {_PATIENCE:g} s") from None
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise Refusal(f"{access.host}: {words[-1] if words else 'no answer'}")
    return done.stdout.decode()
