"""Looking after a host, from a laptop or by schedule: what is it like, is all well?"""
