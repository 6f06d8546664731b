"""Auto-instrumentation of the provider SDKs: every paid call, once, with who pays for it."""
