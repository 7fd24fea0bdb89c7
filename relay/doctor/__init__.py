"""`python -m relay doctor`: what the machine and the settings make of a relay here.

`facts` reads, `checks` decides without reading anything, `report` prints. It may import everything
but `relay.web` and `relay.server`.
"""
