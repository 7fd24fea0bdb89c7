"""Servers to test the load tester against, each a process of its own."""
