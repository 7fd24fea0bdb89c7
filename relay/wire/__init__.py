"""What travels on the wire: frames, notes, messages, close codes, and where a message ends.

`closing` has every close code and its sentence, `frames` makes a frame of a message, `notes` are
those of `relay.v1`. `parser` alone knows aiohttp: it wraps aiohttp's compiled frame reader.
It decides without I/O.
Imports: `names`.
"""
