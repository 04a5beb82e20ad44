"""Training of the shipped models from nothing."""
