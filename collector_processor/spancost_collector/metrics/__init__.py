"""What the receiver counts and measures.

`table` declares every metric once; `accounts` has the counters about calls, `measures` everything else about them.
"""
