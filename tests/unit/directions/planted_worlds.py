"""Small worlds with a planted direction."""

import torch


def planted(n=240, dim=24, strength=2.0, mean=0.0, seed=0, groups=24):
    """Class 1 shifted along a random unit vector; returns states, labels, groups, the vector."""
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(dim, generator=generator)
    direction /= direction.norm()
    labels = torch.arange(n) % 2
    states = torch.randn(n, dim, generator=generator) + strength * labels[:, None] * direction
    common = torch.randn(dim, generator=generator)
    states = states + mean * common / common.norm()
    return states, labels, torch.arange(n) // 2 % groups, direction


def symmetric(n=400, dim=16, seed=0):
    """Class 1 at plus and minus a vector, class 0 at the origin: no linear readout sees it."""
    generator = torch.Generator().manual_seed(seed)
    direction = torch.zeros(dim)
    direction[0] = 1.0
    labels = torch.arange(n) % 2
    side = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    spread = torch.ones(dim)
    spread[0], spread[1] = 0.5, 3.0  # the concept is not the axis of largest variance
    states = torch.randn(n, dim, generator=generator) * spread + (2.5 * side * labels)[:, None] * direction
    return states, labels, direction


def cosine(a, b):
    return abs(float(a.double() @ b.double() / a.norm() / b.norm()))
