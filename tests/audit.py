"""Are there known vulnerabilities in what is locked? `python -m tests.audit`, part of `make lint`.

pip-audit asks PyPI's vulnerability service. A laptop without network, or with an index that has no
such service, is told that nothing was audited; on GitHub that is a failure.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).parent.parent
_PATIENCE: Final = 120.0  # seconds


def main() -> int:
    """Return the exit code: 0 if all was audited and is good, or could not be asked for here."""
    command = [
        *(str(Path(sys.executable).with_name("pip-audit")), "--progress-spinner", "off"),
        *("--disable-pip", "--require-hashes", "--format", "json", "--desc", "off"),
        # All that any of the lock files has.
        *("--requirement", str(_ROOT / "requirements" / "ops.txt")),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
        report = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        report = {"dependencies": []}
    code, said = verdict(report, on_github=bool(os.environ.get("GITHUB_ACTIONS")))
    print(said, file=sys.stderr if code else sys.stdout)
    return code


def verdict(report: dict[str, Any], *, on_github: bool) -> tuple[int, str]:
    """Return exit code and words for pip-audit's report; the first one decides."""
    packages = report["dependencies"]
    known = [
        f"{package['name']} {package['version']} has {found['id']}, mended in"
        f" {', '.join(found['fix_versions']) or 'no version yet'}"
        for package in packages
        for found in package.get("vulns", ())
    ]
    if known:
        return 1, "\n".join([*known, "run make lock, and where that is not enough change a bound"])
    audited = [package for package in packages if "skip_reason" not in package]
    if len(audited) == len(packages) > 0:
        return 0, f"no known vulnerability in {len(audited)} packages"
    words = (
        f"{len(packages) - len(audited)} of {len(packages)} packages are not audited"
        if packages
        else "no package is audited"
    )
    return int(on_github), f"{words}: PyPI's vulnerability service does not answer here"


if __name__ == "__main__":
    sys.exit(main())
