"""What the relay writes to standard error: one line each, as text or JSON.

Whatever a message holds, it stays on its line: characters that do not show, line ends and a
terminal's control sequences among them, are escaped here, so that no caller can forget to. Only a
traceback has lines of its own, and these are indented.
"""

import logging
import sys
import time
from typing import Final

import orjson

_INDENT: Final = "    "


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname:<7} {escape(record.getMessage())}"
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            line += "".join(f"\n{_INDENT}{escape(each)}" for each in trace.splitlines())
        return line


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": escape(record.getMessage()),
        }
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            line["exception"] = "\n".join(map(escape, trace.splitlines()))
        return orjson.dumps(line).decode()


def escape(text: str) -> str:
    r"""Return `text` with every character that does not show written as in `\x1b` or `\u202e`."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))


def configure(level: str, form: str) -> None:
    """Log to standard error from `level` up; `form` is text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
