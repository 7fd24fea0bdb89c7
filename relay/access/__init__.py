"""Who may connect: tokens, origins, addresses, and how many.

It decides without I/O.
Imports: `names`, `settings`, `values`.
"""
