"""What takes longer than `make test` may: `make handover-test`."""
