"""The receiver: OTLP spans in, priced calls in a ledger, enriched spans and metrics out."""
