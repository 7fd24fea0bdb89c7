"""Handing over between real processes."""
