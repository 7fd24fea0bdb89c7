"""The history of all results as one static page."""
