"""Continuous codecs: audio to latent sequences before any quantisation, and back."""
