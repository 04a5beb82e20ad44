"""Dynamics of codec latents: how predictable the next frame is, judged first where the answer is known."""
