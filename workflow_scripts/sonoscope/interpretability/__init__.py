"""Does MusicGen represent emotion, or echo the prompt? Capture, statistics, probes, autoencoders, interventions."""
