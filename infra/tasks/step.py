"""One step of a run as a pyinfra operation: timed, and a refusal ends the run in a sentence."""

from collections.abc import Callable
from typing import Any

from pyinfra import logger
from pyinfra.api.exceptions import NestedOperationError
from pyinfra.operations import python

from infra.plan.journal import Journal, Stopwatch
from infra.plan.plan import Plan
from infra.plan.refusal import Refusal


def step(name: str, function: Callable[..., None], *arguments: Any) -> None:
    """Have pyinfra call the function in its turn."""
    python.call(name=name, function=_run, title=name, step=function, arguments=arguments)


def _run(title: str, step: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    journal = Journal.of(Plan.load().directory)
    watch = Stopwatch(journal)
    try:
        step(*arguments)
    except Refusal as refusal:
        journal.fail(str(refusal))
        logger.error(f"    {refusal}")
        # The one exception that pyinfra reports without a traceback.
        raise NestedOperationError(str(refusal)) from None
    finally:
        watch.lap(title)
