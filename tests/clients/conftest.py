"""Fixtures of the tests of both clients."""

from tests.browser.tools import node as node
from tests.browser.tools import run_node as run_node
