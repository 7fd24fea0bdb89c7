"""A run as Locust tells it: begin, everybody has spawned, stop; alone, as a master, or as a worker.

Imports `report` and what that may import.
"""
