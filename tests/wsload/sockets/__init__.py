"""The load tester as its user runs it, over real sockets, against real and faulty servers."""
