"""Runs that take longer than `make test` may: `make loadtest-test`."""
