"""A room and its log: what is published gets its place, and is delivered in that order.

`room` joins what members publish into a `batch`, and `appender` gives it to the `log`, which
decides the order: `memory_log` is the embedded one, `tail` is the history, and cuts it. `dispatch`
delivers, and `congestion` slows the senders of a room whose receivers are far behind. `presence`
knows who is there, `member_changes` takes joins and leaves and tells the members of them, `resume`
says where a member goes on that comes back. `hub` has all rooms.
It decides without I/O: members write, the log appends, what is scheduled runs later.
Imports: `account`, `names`, `wire`.
"""
