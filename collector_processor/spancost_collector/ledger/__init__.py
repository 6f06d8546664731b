"""Where paid calls are kept, and everything that reads or mends what is kept.

`writer` is the one that writes; `schema` has the tables, `rows` and `documents` what stands in them, `rollup` and
`credit` the sums;
`report` and `repricing` are what people ask of it, `check` and `repair` what `spancost doctor --ledger` does.
"""
