"""What docs/loadtest.md says exists, and what exists is in it."""

import re
from typing import Any

from relay.wire.closing import Reason
from tests.process import ROOT
from wsload.client.closes import FINAL, Close, Side
from wsload.client.failures import refusal
from wsload.run.arguments import add_arguments
from wsload.run.requirements import QUANTITIES

_DOCUMENT = (ROOT / "docs" / "loadtest.md").read_text()


class _Options(list[str]):
    """Remembers what is added to it as to a parser."""

    def add_argument(self, name: str, **_: Any) -> None:
        self.append(name)


def test_every_option_is_in_the_document() -> None:
    options = _Options()
    add_arguments(options)
    assert len(options) > 20
    assert [option for option in options if f"`{option}`" not in _DOCUMENT] == []


def test_every_quantity_is_in_the_document() -> None:
    assert [name for name in QUANTITIES if f"`{name}`" not in _DOCUMENT] == []


def test_every_scenario_is_in_the_document() -> None:
    files = {path.name for path in (ROOT / "loadtest").glob("[!_]*.py")}
    assert set(re.findall(r"^\| `(\w+\.py)`", _DOCUMENT, re.MULTILINE)) == files


def test_refusals_read_as_documented() -> None:
    for status in (401, 409, 503):
        assert str(refusal(status, "…")) in _DOCUMENT


def test_members_stay_away_after_the_codes_that_say_so() -> None:
    """As the relay's catalogue has them."""
    for reason in Reason:
        assert (reason.code in FINAL) is not reason.reconnect, reason


def test_a_close_code_that_nobody_knows_keeps_its_number() -> None:
    assert str(Close(Side.SERVER, 4999)) == "4999 unknown code"
