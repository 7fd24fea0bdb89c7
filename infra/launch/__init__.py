"""`make launch`: from an empty account to a relay that every push deploys, step by step.

Each step looks first whether it has been done, so that a launch can be run again at any point.
"""
