"""What comes in from the network: who may send, in which encodings, and what senders are told."""
