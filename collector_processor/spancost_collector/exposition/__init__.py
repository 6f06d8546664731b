"""How metrics are written: the text that everybody reads, and the protobuf that carries native histograms."""
