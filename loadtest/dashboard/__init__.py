"""The history of all results as one static page, and the parts that reports share with it."""
