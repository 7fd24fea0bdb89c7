"""A nats-server under measurement: JetStream on a core, with a store of its own on disk."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.server import Server, free_port, serving


def program() -> str | None:
    """Return NATS_SERVER, Debian's nats-server or the environment's; None: there is none."""
    own = Path(sys.executable).parent
    return os.environ.get("NATS_SERVER") or shutil.which(
        "nats-server", path=f"/usr/sbin:/usr/bin:{own}"
    )


def version(program: str) -> str:
    """Return what the program calls itself."""
    return subprocess.check_output([program, "--version"], text=True).strip()


@contextmanager
def nats_running(program: str, core: int) -> Iterator[Server]:
    """Run it until it takes connections; its store is removed with it."""
    port = free_port()
    with TemporaryDirectory() as folder:
        config = Path(folder) / "nats.conf"
        config.write_text(
            f"listen: 127.0.0.1:{port}\nmax_payload: 12MB\nmax_pending: 128MB\n"
            f'jetstream {{ store_dir: "{folder}/store" }}\n'
        )
        command = (program, "--config", str(config))
        with serving(command, port, core, stderr=subprocess.DEVNULL) as server:
            yield server
