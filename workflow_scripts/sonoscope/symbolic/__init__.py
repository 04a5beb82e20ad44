"""Scores and the known world: what is composed, and every cause of it."""
