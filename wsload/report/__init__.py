"""What a run came to: verdict, result, table, page and the history of all results.

Imports `run` and what that may import.
"""
