"""Puts one release on a host without dropping anybody, and rolls back. See infra/README.md."""
