"""Corpora: each written from composed music in the layout of a published one, and read from either."""
