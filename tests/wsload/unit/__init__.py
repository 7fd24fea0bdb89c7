"""Decided without sockets: the books, verdicts, schedules and options of the load tester."""
