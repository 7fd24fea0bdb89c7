"""What runs on the host: the program that puts one release in the place of another.

It imports nothing but Python's standard library and itself, since the host has nothing else. A
deploy ships it as one file into the directory of its release (infra/tasks/program.py), and asks it
by SSH.
"""
