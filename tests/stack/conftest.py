"""Stacks to test: one that a worker's tests share, and one of one's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab import stack as lab
from tests.lab.stack import Stack

RunStack = Callable[..., Stack]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with default settings; tests that share it leave it as it was."""
    with lab.running(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def run_stack(tmp_path: Path) -> Iterator[RunStack]:
    """Return a function that runs a stack with settings; all are removed in the end."""
    with ExitStack() as exit_stack:

        def run(*services: str, **env: str) -> Stack:
            return exit_stack.enter_context(lab.running(tmp_path, *services, **env))

        yield run
