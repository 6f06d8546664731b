"""What instrumentation costs an app: the SDKs measured, the ways of making a call, and the measuring itself."""
