"""What looks at a relay through its public address, as clients do: no SSH, no host."""
