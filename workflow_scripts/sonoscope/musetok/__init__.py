"""MuseTok: bars of symbolic music as tokens, and as vectors of a residual-quantised autoencoder (arXiv 2510.16273)."""
