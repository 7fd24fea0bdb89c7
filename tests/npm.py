"""What the tests take from npm: `python -m tests.npm`, before their time limits run."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent


def require(folder: Path) -> str:
    """Return Node's path if what the folder's package-lock.json names is installed.

    Else skip the test and say what to run; fail in CI.
    """
    node = shutil.which("node")
    reason = ""
    if node is None or shutil.which("npm") is None:
        reason = "node or npm is missing"
    elif not _is_installed(folder):
        reason = f"{folder.relative_to(ROOT.parent)} has no packages: run make node-modules"
    if not reason:
        assert node is not None
        return node
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI has to have it")
    pytest.skip(reason)


def install(folder: Path) -> None:
    """Install what the lock file names, unless that is there."""
    with (folder / "package.json").open() as package:
        fcntl.flock(package, fcntl.LOCK_EX)  # several may come here at once
        if not _is_installed(folder):
            command = ["npm", "ci", "--ignore-scripts", "--silent"]
            subprocess.run(command, cwd=folder, check=True)


def _is_installed(folder: Path) -> bool:
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    return stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime


def main() -> int:
    """Install for all tests; a machine without npm is an error in CI only."""
    if shutil.which("npm") is None:
        return int(bool(os.environ.get("CI")))
    try:
        for lock in ROOT.glob("*/**/package-lock.json"):
            if "node_modules" not in lock.parts:
                install(lock.parent)
    except subprocess.CalledProcessError as error:
        print(f"npm cannot install what the tests use: {error}", file=sys.stderr)
        return int(bool(os.environ.get("CI")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
