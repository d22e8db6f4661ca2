"""Runs are killed, the source changes, and nothing is lost or doubled: a harness that says so by trying.

A `Trial` is a shape of table and some rounds. In a round the source changes and runs are killed, then one run goes
through, and everything is compared with the source's own history, kept in plain Python. `make torture` plays trials
until a thousand runs are killed; test_torture.py plays a few.

shapes: what the table is like. source: the table, and all it ever showed. changes: what happens to it. work: one run.
child: a run in a process that says which step it takes. killer: starts it, and ends it there. trial: all in order.
check: what is there against what was shown. strategies: which trials there are.
"""
