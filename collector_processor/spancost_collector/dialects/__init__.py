"""Telemetry dialects: how each emitter writes a model call, one table per module."""
