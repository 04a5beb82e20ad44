"""How long to insist when a network fails."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Exponential backoff with full jitter, after Brooker, "Exponential Backoff and Jitter" (AWS, 2015)."""

    attempts: int = 6
    """Failures in a row, without a mebibyte of new bytes between them, after which to give up."""
    first: float = 1.0
    """Longest pause after the first failure, in seconds; it doubles with every further failure."""
    longest: float = 60.0
    """Longest pause, in seconds."""
    connect: float = 15.0
    """Seconds to wait for a connection."""
    read: float = 60.0
    """Seconds without a byte after which a connection counts as broken."""

    def pause(self, failures: int, generator: random.Random, asked: float = 0.0) -> float:
        """Seconds to wait after ``failures`` failures (1 or more); at least what the server ``asked`` for."""
        ceiling = min(self.longest, self.first * 2.0 ** (failures - 1))
        return max(generator.uniform(0.0, ceiling), min(asked, self.longest))
