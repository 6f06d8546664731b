"""What the receiver costs beside others that take the same spans and send them on: `make bench-peers-receiver`."""
