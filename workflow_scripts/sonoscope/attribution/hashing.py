"""Random numbers as a function of (seed, parameter name, coordinate), the same on every device and in any order.

A projection must be the same whatever the batch size, the worker or the order of the layers, and too large to be kept:
so each of its entries is computed from its place. Two rounds of the 32-bit finaliser of MurmurHash3 in 64-bit integer
arithmetic, which CPU and CUDA do alike.
"""

import hashlib

import torch
from torch import Tensor

SCHEME = "murmur32x2/1"
"""Names the scheme in stored files; another scheme means other random numbers."""
_MASK = 0xFFFFFFFF


def keys(seed: int, use: str, name: str) -> tuple[int, int]:
    """Two 32-bit keys of one parameter and use of its random numbers."""
    digest = hashlib.sha256(f"{seed}/{use}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")


def mixed(index: Tensor, key: tuple[int, int]) -> Tensor:
    """32 random bits for each entry of ``index`` (int64, in [0, 2³²)), as int64 in [0, 2³²)."""
    x = _finalised(index ^ key[0])
    return _finalised((x + key[1]) & _MASK)


def _finalised(x: Tensor) -> Tensor:
    x = (x ^ (x >> 16)) * 0x85EBCA6B & _MASK
    x = (x ^ (x >> 13)) * 0xC2B2AE35 & _MASK
    return x ^ (x >> 16)


def buckets_and_signs(
    first: int, count: int, size: int, key: tuple[int, int], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Bucket in [0, size) (int64) and sign ±1 (float32) of coordinates ``first`` … ``first + count - 1``."""
    bits = mixed(torch.arange(first, first + count, device=device), key)
    return (bits & 0x7FFFFFFF) % size, 1.0 - 2.0 * (bits >> 31).float()


def signs(first: int, count: int, columns: int, key: tuple[int, int], device: torch.device) -> Tensor:
    """Matrix ``[count, columns]`` of ±1 (float32) whose rows belong to coordinates ``first`` …; 32 entries per draw."""
    row = mixed(torch.arange(first, first + count, device=device), key)[:, None]
    word = torch.arange(-(-columns // 32), device=device) * 0x9E3779B1
    bits = mixed((row + word) & _MASK, (key[1], key[0]))
    spread = (bits[..., None] >> torch.arange(32, device=device)) & 1  # [count, words, 32]
    return (1.0 - 2.0 * spread.float()).flatten(1)[:, :columns]
