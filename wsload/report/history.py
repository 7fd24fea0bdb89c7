"""The results of a folder as one page: `index.html`, with everything inside, and next to it the
pages of the single runs, in `reports/`. What is written can be served or opened as it is.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from wsload.report.page import ASSETS, inlined
from wsload.report.result import SCHEMA
from wsload.run.figures import number

_KEPT: dict[str, type | tuple[type, ...]] = {
    "started": str, "scenarios": list, "users": int, "duration": (int, float), "verdict": str,
    "passed": bool, "remarks": list, "requirements": dict, "metrics": dict, "server": dict,
}  # fmt: skip
"""What the page needs of a result, and of which type it has to be."""
_NO_RESULT = (
    OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
"""What reading a file raises that is none."""


class NoFolder(Exception):
    """There is no such folder; the message names it."""


class NoResult(Exception):
    """A file that cannot be shown; the message says why."""


def build(folder: Path, output: Path) -> tuple[int, list[str]]:
    """Write the page for all results in `folder`. Returns how many there were, and a sentence for
    each file that is none and was left out."""
    if not folder.is_dir():
        raise NoFolder(f"no folder {folder}: expected one with results of the load tester")
    pages = output / "reports"
    pages.mkdir(parents=True, exist_ok=True)
    runs, skipped = [], []
    for file in sorted(folder.glob("*.json")):
        try:
            runs.append(_run(file, pages))
        except NoResult as error:
            skipped.append(f"{file.name} was left out: {error}")
    runs.sort(key=lambda run: str(run["started"]))
    page = inlined(
        (ASSETS / "index.html").read_text(encoding="utf-8"),
        title="Load tests",
        variable="HISTORY",
        data={"runs": runs, "skipped": skipped},
    )
    (output / "index.html").write_text(page, encoding="utf-8")
    return len(runs), skipped


def _run(file: Path, pages: Path) -> dict[str, Any]:
    """What the page shows of one result; its own page is copied to `pages` if there is one."""
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
        schema = result["schema"]
        if not isinstance(schema, int) or schema > SCHEMA:
            raise NoResult(f"its schema is {schema}, newer than {SCHEMA}")
        if schema < SCHEMA:
            result = _renewed(result)
        run = {name: result[name] for name in _KEPT}
        for name, kind in _KEPT.items():
            if not isinstance(run[name], kind):
                raise NoResult(f"its {name} is {run[name]!r:.40}")
        run["remarks"] = [[str(word), str(sentence)] for word, sentence in run["remarks"]]
        run["server"] = {
            name: str(fact) for name, fact in run["server"].items() if fact is not None
        }
        run["cpu_percent"] = result["generator"]["cpu_percent"]
        run["group"] = group_of(result)
    except _NO_RESULT as error:
        raise NoResult("it is no result of the load tester") from error
    page, copy = file.with_suffix(".html"), pages / f"{file.stem}.html"
    if page.exists():
        if page.resolve() != copy.resolve():
            shutil.copyfile(page, copy)
        run["page"] = f"reports/{quote(copy.name)}"
    return run


def group_of(result: dict[str, Any]) -> str:
    """What runs have to have in common to be compared: scenario, settings and machine, in words."""
    scenarios, generator = result["scenarios"], result["generator"]
    settings = [
        f"{name.replace('_', ' ')} {value if isinstance(value, str) else number(value)}"
        for name, value in sorted(result["settings"].items())
        if value and name not in ("room", "name") and _matters(name, result)
    ]
    machine = f"{generator['cpu']}, {generator['processes']} processes"
    parts = [" + ".join(scenarios), f"{number(result['users'])} users", *settings, machine]
    return ", ".join(parts)


def _matters(name: str, result: dict[str, Any]) -> bool:
    """Whether a setting has had a part in a run."""
    scenarios = result["scenarios"]
    if name.startswith("rate"):
        return bool(result.get("climbing", "steady" in scenarios))  # older results do not say
    return not name.startswith("lagging") or "lagging" in scenarios


def _renewed(result: dict[str, Any]) -> dict[str, Any]:
    """A result of schema 1 as one of today."""
    said = [
        *(["FAILED", sentence] for sentence in result["shortfalls"]),
        *(["INCOMPLETE", sentence] for sentence in result["incomplete"]),
        *(["INVALID", sentence] for sentence in result["invalid"]),
    ]
    words = [word for word, _ in said]
    # As it was judged then: what was invalid said nothing about the server.
    word = "PASSED" if result["passed"] else "INVALID" if "INVALID" in words else words[0]
    return result | {"verdict": word, "remarks": said, "server": result["relay"]}


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code; files that are no results do not keep it from 0."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.dashboard", description="One page with all results of a folder."
    )
    parser.add_argument("reports", nargs="?", default="reports", help="default: %(default)s")
    parser.add_argument("--output", default="dist/dashboard", help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        count, skipped = build(Path(options.reports), Path(options.output))
    except NoFolder as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for sentence in skipped:
        sys.stderr.write(f"{sentence}\n")
    sys.stdout.write(f"{count} results: {Path(options.output) / 'index.html'}\n")
    return 0
