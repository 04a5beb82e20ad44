"""Names of what is heard, as tables hold them; importing them loads nothing else."""

LOG_MEL = "log-mel classifier"
"""The classifier that has heard true renders alone."""
CODEC = "true renders through the codec"
"""Renders encoded and decoded, heard by the measure."""
ASKED = "the model, asked in words"
"""Unsteered clips of the model for prompts that name the value, heard by the measure."""
