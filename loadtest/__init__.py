"""A load tester for WebSocket relays that accounts for every delivery, on Locust."""
