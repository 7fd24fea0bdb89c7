"""`python -m relay doctor`: what the machine and the settings make of a relay here.

`facts` reads, `checks` decides without reading anything, `report` prints.
Imports: `access`, `probe`, `process_memory`, `settings`, `values`.
"""
