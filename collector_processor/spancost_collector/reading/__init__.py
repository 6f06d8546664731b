"""From OTLP bytes to model calls, whatever an emitter wrote.

`decode` opens a request, `normalise` reads its spans; `dialect` says what a dialect is, and the tables themselves are
in `dialects`.
"""
