"""`python -m loadtest.dashboard reports --output site`: one page with the results of a folder.

The output folder can be served or opened as it is: `index.html`, with everything inside, and next
to it the pages of the single runs, in `reports/`.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from wsload.report.page import inlined

SCHEMA = 1
_ASSETS = Path(__file__).parent / "assets"
_KEPT = (
    "started", "scenarios", "users", "duration", "passed", "incomplete", "invalid", "shortfalls",
    "requirements", "metrics", "relay",
)  # fmt: skip


class BadResults(Exception):
    """The folder cannot be shown; the message names it, or the file in it that is to blame."""


def build(folder: Path, output: Path) -> int:
    """Write the page for all results in `folder`. Returns how many there were."""
    if not folder.is_dir():
        raise BadResults(f"no folder {folder}: expected one with results of the load tester")
    pages = output / "reports"
    pages.mkdir(parents=True, exist_ok=True)
    runs = [_run(file, pages) for file in sorted(folder.glob("*.json"))]
    runs.sort(key=lambda run: str(run["started"]))
    page = inlined(
        (_ASSETS / "index.html").read_text(), title="Load tests", variable="RESULTS", data=runs
    )
    (output / "index.html").write_text(page)
    return len(runs)


def _run(file: Path, pages: Path) -> dict[str, Any]:
    """What the page shows of one result; its own page is copied to `pages` if there is one."""
    try:
        result = json.loads(file.read_text())
        if result["schema"] > SCHEMA:
            raise BadResults(
                f"{file} has schema {result['schema']}, newer than {SCHEMA}: "
                "build with the load tester that wrote it"
            )
        run = {name: result[name] for name in _KEPT}
        run["cpu_percent"] = result["generator"]["cpu_percent"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadResults(f"{file} is not a result of the load tester: {error!r}") from None
    page = file.with_suffix(".html")
    if page.exists():
        shutil.copyfile(page, pages / page.name)
        run["page"] = f"reports/{page.name}"
    return run


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.dashboard", description="One page with all results of a folder."
    )
    parser.add_argument("reports", nargs="?", default="reports", help="default: %(default)s")
    parser.add_argument("--output", default="dist/dashboard", help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        count = build(Path(options.reports), Path(options.output))
    except BadResults as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{count} results: {Path(options.output) / 'index.html'}\n")
    return 0
