"""Options and requirements: what cannot be is named with what is expected."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest

from wsload.run import requirements
from wsload.run.arguments import add_arguments
from wsload.run.figures import counted, number
from wsload.run.options import BadOption, Options


class _Parser(ArgumentParser):
    """Takes the arguments that Locust's parser takes."""

    def add_argument(self, *names: Any, **options: Any) -> Any:
        for extra in ("env_var", "is_secret"):
            options.pop(extra, None)
        return super().add_argument(*names, **options)


def options_of(*arguments: str) -> Options:
    parser = _Parser()
    add_arguments(parser)
    return Options.of(parser.parse_args(arguments))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--payload", "3"], "--payload 3: expected 28 (the accounting's own header) to 10485760"),
        (["--rooms", "0"], "--rooms 0: expected 1 to 8192 rooms"),
        (["--settle", "-1"], "--settle -1.0: expected 0 to 3600 seconds"),
        (["--rate-factor", "1"], "--rate-factor 1.0: expected 1.01 to 10 times"),
        (["--rate", "0"], "--rate 0.0: expected 0.001 to 1e+09 messages a second"),
        (["--interval", "-5"], "--interval -5.0: expected 0 or more"),
        (["--rate-max", "500"], "--rate-max 500: expected more than --rate 1000, or 0 to stay"),
    ],
)
def test_bad_values_are_named(arguments: list[str], sentence: str) -> None:
    with pytest.raises(BadOption) as caught:
        options_of(*arguments)
    assert sentence in str(caught.value)


def test_a_result_does_not_tell_the_token() -> None:
    options = options_of("--token", "hidden", "--ca", "some/file")
    assert "hidden" not in str(options.public())
    assert "some/file" not in str(options.public())
    assert options.public()["rooms"] == 1


def test_limits_come_from_file_and_command_line(tmp_path: Path) -> None:
    """The command line has the last word, and what every server owes is always there."""
    file = tmp_path / "limits.toml"
    file.write_text("p99 = 250\nlost = 3\n")
    limits = requirements.read(["p99=100", "throughput = 5e4"], str(file))
    assert limits == requirements.ALWAYS | {"p99": 100, "lost": 3, "throughput": 50_000}


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("p98=3", "cannot require 'p98': expected one of mean, p50"),
        ("p99", "--require p99: expected NAME=LIMIT, for example p99=250"),
        ("p99=fast", "cannot require p99=fast: expected a number of 0 or more"),
        ("lost=-1", "cannot require lost=-1: expected a number of 0 or more"),
    ],
)
def test_bad_requirements_are_named(pair: str, sentence: str) -> None:
    with pytest.raises(requirements.BadRequirement) as caught:
        requirements.read([pair])
    assert sentence in str(caught.value)


def test_requirement_file_that_is_not_there() -> None:
    with pytest.raises(requirements.BadRequirement, match=r"cannot read --require-file nowhere"):
        requirements.read([], "nowhere.toml")


def test_what_was_missed_names_value_and_limit() -> None:
    metrics = {"p99": 251.5, "throughput": 99.0, "lost": 0.0, "p50": 0.0518}
    limits = {"p99": 250.0, "throughput": 1e5, "lost": 0.0, "jitter_p99": 5.0, "p50": 0.05}
    found = requirements.checks(limits, metrics)
    assert [check.sentence for check in found if not check.met] == [
        "p99 latency: 251.5 ms, over the limit of 250",
        "throughput: 99 msg/s, short of the required 100,000",
        "p99 jitter (jitter_p99) was required and not measured in this run",
        "p50 latency: 0.052 ms, over the limit of 0.05",
    ]


def test_what_always_holds_is_checked_where_it_was_measured() -> None:
    found = requirements.checks(requirements.ALWAYS, {"lost": 0.0, "repeated": 0.0})
    assert [check.name for check in found] == ["lost", "repeated"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.05, "0.05"), (0.0518, "0.052"), (1.25, "1.2"), (1234567, "1,234,567"), (0, "0")],
)
def test_numbers_have_the_digits_that_matter(value: float, text: str) -> None:
    assert number(value) == text


def test_one_of_something_is_no_plural() -> None:
    found = [
        counted(1, "messages"),
        counted(1200, "messages"),
        counted(1, "ms"),
        counted(1, "msg/s"),
    ]
    assert found == ["1 message", "1,200 messages", "1 ms", "1 msg/s"]
