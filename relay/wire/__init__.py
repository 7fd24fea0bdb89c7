"""What travels on the wire: frames, messages, close codes, and where a message ends.

It decides without I/O, and imports only names and settings. `parser` alone knows aiohttp: it
wraps aiohttp's compiled frame reader.
"""
