"""The load generator as a process of its own, on a core."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Any, Final

from bench.load import Load, Result
from bench.server import ROOT

_PATIENCE: Final = 120.0  # seconds beside those of the load


def generate(load: Load, core: int) -> Result:
    """Put a load on servers; raise `CalledProcessError` where the generator fails."""
    given = json.dumps(asdict(load))
    return Result(**run("bench.run", given, core=core, timeout=load.seconds + _PATIENCE))


def run(module: str, *arguments: str, core: int, timeout: float | None = None) -> dict[str, Any]:
    """Run a module on a core; return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        stdout=subprocess.PIPE,
        check=True,
        timeout=timeout,
    )
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome
