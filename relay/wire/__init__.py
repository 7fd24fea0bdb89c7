"""What travels on the wire: frames, notes, messages, close codes, and where a message ends.

It decides without I/O. `parser` alone knows aiohttp: it wraps aiohttp's compiled frame reader.
Imports: `names`.
"""
