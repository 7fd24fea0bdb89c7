"""The books: what every message carries, who was owed what, and what came of it.

Pure: nothing but the standard library, no clock, no socket, no Locust. Imports nothing of the other
folders; the deploy's witnesses use it as well.
"""
