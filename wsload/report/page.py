"""Writes a result down: as JSON for machines and the dashboard, and as one page for people."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from html import escape
from itertools import count
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent / "assets"
_LONGEST_NAME = 80  # characters for the scenarios in a file's name


def write(result: dict[str, Any], folder: str) -> Path:
    """Both files into `folder`, which is made if need be. Returns the page's path. Raises
    `OSError`."""
    directory = Path(folder)
    directory.mkdir(parents=True, exist_ok=True)
    for name in _names(result):
        try:
            with (directory / f"{name}.json").open("x", encoding="utf-8") as file:
                file.write(json.dumps(result, indent=1) + "\n")
        except FileExistsError:
            continue
        page_path = directory / f"{name}.html"
        page_path.write_text(page(result), encoding="utf-8")
        return page_path
    raise AssertionError("there is always another name")


def _names(result: dict[str, Any]) -> Iterator[str]:
    """Names for the files of a result, without their endings: by time and scenarios, then with
    numbers."""
    stamp = datetime.fromisoformat(result["started"]).strftime("%Y%m%d-%H%M%S")
    # Scenarios are named by their authors, and a name of a file has to be short and plain.
    scenarios = re.sub(r"[^\w-]+", "_", "-".join(result["scenarios"]), flags=re.ASCII)
    yield (base := f"{stamp}-{scenarios[:_LONGEST_NAME]}")
    yield from (f"{base}~{number}" for number in count(2))


def page(result: dict[str, Any]) -> str:
    """One HTML document that needs nothing else: charts, styles and numbers are inside."""
    return inlined(
        (ASSETS / "report.html").read_text(encoding="utf-8"),
        title=f"{' + '.join(result['scenarios'])} · {result['started']}",
        variable="RESULT",
        data=result,
    )


def inlined(template: str, *, title: str, variable: str, data: object) -> str:
    """`template` with its title, the files it names as <!-- inline NAME -->, and `data`."""

    def asset(match: re.Match[str]) -> str:
        name = match[1]
        text = (ASSETS / name).read_text(encoding="utf-8")
        if name.endswith(".css"):
            return f"<style>\n{text}</style>"
        return f"<script>\n{text}</script>"

    # "<" in a string could end the script element; in JSON it may be written as an escape.
    embedded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    document = template.replace("{{title}}", escape(title))
    document = re.sub(r"<!-- inline (\S+) -->", asset, document)
    # Last, so that nothing in it is taken for a place of the template.
    return document.replace("<!-- data -->", f"<script>window.{variable} = {embedded}</script>")
