"""A load tester for WebSocket servers that accounts for every delivery, on Locust.

The folders show the way of a number, and imports point from right to left only:

    client ─┐
            ├─← run ← report ← control ← user
    account ┘

`client` speaks WebSocket, `account` says who was owed what, `run` sends and measures, `report`
judges and draws, `control` is told by Locust when a run begins and ends, `user` is what scenarios
build on.
"""
