"""Who may connect: tokens, origins, addresses, and how many.

It decides without I/O, and imports only names, settings and `relay.wire`.
"""
