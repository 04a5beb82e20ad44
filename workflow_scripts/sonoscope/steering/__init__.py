"""The steering study: directions of concepts, generation pushed along them, and what is heard."""
