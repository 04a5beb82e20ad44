"""What this machine has, what fits on it, and what is missing."""
