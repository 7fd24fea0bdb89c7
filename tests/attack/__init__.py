"""The relay is attacked for real, in a memory group of its own, and somebody else talks beside it.

The tests that are marked `long` are left out of the short form (`make attack-test`).
"""
