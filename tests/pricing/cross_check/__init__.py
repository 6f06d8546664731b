"""Our prices beside a second table that other people keep: every disagreement, which layer decides it, and why.

`python -m tests.pricing.cross_check` prints them all; `tests/pricing/test_cross_check.py` fails on one that nobody
has explained. The second table is the model list inside the `litellm` package: data that is read from an installation
in a folder of its own, never imported and never kept here.
"""
