"""How fast the relay is: a ladder of loads, every delivery checked, beside the stock loop."""
