"""The scenarios that `locust -f loadtest` finds; what they are made of is in `wsload`."""
