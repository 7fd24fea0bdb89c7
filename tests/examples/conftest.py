"""Fixtures for tests of the examples."""

from tests.browser.tools import launch_browser, node  # noqa: F401
