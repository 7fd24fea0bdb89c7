"""The log: one line for each message, whatever stands in it."""

import logging
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay import logformat

_FORGED = "x\n2026-11-26T00:00:00Z INFO    root joined lobby\x1b[2K\r\u202e\u2028"


@pytest.fixture
def _root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("_root_as_before")
@pytest.mark.parametrize("form", ["text", "json"])
def test_message_stays_on_its_line(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Line ends, control sequences and what turns the reading direction are escaped."""
    logformat.configure("info", form)
    logging.getLogger("relay").info("refused %s", _FORGED)
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    line = orjson.loads(printed)["message"] if form == "json" else printed.rstrip("\n")
    assert line.endswith(r"lobby\x1b[2K\r\u202e\u2028")
    assert line.isprintable()


@pytest.mark.usefixtures("_root_as_before")
@pytest.mark.parametrize("form", ["text", "json"])
def test_traceback_cannot_pass_for_a_line_of_the_log(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """Its lines are indented; an exception's text may hold anything, surrogates too."""
    logformat.configure("info", form)
    try:
        raise ValueError(_FORGED + "\udcff")
    except ValueError:
        logging.getLogger("relay").exception("a defect")
    first, *others = capsys.readouterr().err.splitlines()
    if form == "json":
        assert orjson.loads(first)["exception"].splitlines()[0].startswith("Traceback")
    assert all(line.startswith("    ") for line in others)
    assert bool(others) is (form == "text")


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_written_is_printable(text: str) -> None:
    """And what was printable is as it was."""
    escaped = logformat.escape(text)
    assert escaped.isprintable()
    assert escaped == text or not text.isprintable()
