"""Writes a result down: as JSON for machines and the dashboard, and as one page for people."""

import json
import re
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent / "assets"


def write(result: dict[str, Any], folder: str) -> Path:
    """Both files into `folder`, which is made if need be. Returns the page's path."""
    directory = Path(folder)
    directory.mkdir(parents=True, exist_ok=True)
    stamp = datetime.fromisoformat(result["started"]).strftime("%Y%m%d-%H%M%S")
    base = directory / f"{stamp}-{'-'.join(result['scenarios'])}"
    number = 1
    while base.with_suffix(".json").exists():
        number += 1
        base = base.with_name(f"{base.name.split('~')[0]}~{number}")
    base.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    page_path = base.with_suffix(".html")
    page_path.write_text(page(result))
    return page_path


def page(result: dict[str, Any]) -> str:
    """One HTML document that needs nothing else: charts, styles and numbers are inside."""
    return inlined(
        (ASSETS / "report.html").read_text(),
        title=f"{' + '.join(result['scenarios'])} · {result['started']}",
        variable="RESULT",
        data=result,
    )


def inlined(template: str, *, title: str, variable: str, data: object) -> str:
    """`template` with its title, the files it names as <!-- inline NAME -->, and `data`."""

    def asset(match: re.Match[str]) -> str:
        name = match[1]
        text = (ASSETS / name).read_text()
        if name.endswith(".css"):
            return f"<style>\n{text}</style>"
        return f"<script>\n{text}</script>"

    # "<" in a string could end the script element; in JSON it may be written as an escape.
    embedded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    document = re.sub(r"<!-- inline (\S+) -->", asset, template)
    document = document.replace("<!-- data -->", f"<script>window.{variable} = {embedded}</script>")
    return document.replace("{{title}}", escape(title))
