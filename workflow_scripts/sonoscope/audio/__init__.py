"""Audio: rendering of scores, files, and measures on the raw waveform."""
