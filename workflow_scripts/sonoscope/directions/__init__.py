"""Directions of concepts in hidden states: Recursive Feature Machines, baselines and controls behind one interface."""
