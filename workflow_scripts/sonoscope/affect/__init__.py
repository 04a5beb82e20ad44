"""Valence and arousal of every bar: features, heads, evaluation, annotation and its analysis."""
