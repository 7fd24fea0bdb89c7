"""Who may connect: tokens, origins, addresses, and how many.

`access` decides. `tokens` checks a token with the `keys`, unless `revocations` has it; what it
allows is a `Grant` of `grants`. `admission` says how many connections fit, `openness` what is left
open to everybody.
It decides without I/O.
Imports: `names`, `settings`, `values`.
"""
