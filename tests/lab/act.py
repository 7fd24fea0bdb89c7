"""GitHub's runner on this machine: act runs the real workflows of a checkout."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.lab import engine
from tests.lab.engine import BIN, CACHE
from tests.lab.playbook import WITH_NAMES

_RUNNER: Final = "ubuntu-24.04"


def act(
    checkout: Path,
    event: str,
    workflow: str,
    *,
    secrets: Mapping[str, str],
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    names: Mapping[str, str],
) -> str:
    """Run a workflow as that event would; return its log.

    `secrets` and `variables` are those of the repository; `environment` is what this lab adds to
    every step; `names` and their addresses are all that the runner's /etc/hosts says.
    """
    if os.geteuid():
        engine.refuse("only root gives a workflow names of its own")
    # Not below pytest's folder: the path of a socket has 107 bytes at the most.
    with tempfile.TemporaryDirectory(prefix="home") as home:
        hosts = Path(home) / "hosts"
        lines = {"localhost": "127.0.0.1", **names}
        hosts.write_text("".join(f"{address} {name}\n" for name, address in lines.items()))
        done = subprocess.run(
            [
                *("unshare", "--mount", "sh", "-c", WITH_NAMES, hosts),
                *(BIN / "act", event, "-W", f".github/workflows/{workflow}.yml"),
                *("-P", f"{_RUNNER}=-self-hosted", "--pull=false", "--no-cache-server"),
                *(word for name in secrets for word in ("--secret", name)),
                *_pairs("--var", variables),
                # Each job installs anew what it needs, and fetches it once.
                *_pairs("--env", {"PIP_CACHE_DIR": str(CACHE / "pip"), **environment}),
            ],
            cwd=checkout,
            # A home of the runner's own: nothing of this machine's user is found there.
            env={
                **engine.environment(),
                **secrets,
                "HOME": home,
                "XDG_CACHE_HOME": f"{home}/.cache",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def _pairs(option: str, values: Mapping[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in (option, f"{name}={value}")]
