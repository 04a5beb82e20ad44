"""Sonoscope: methods that look inside generative audio models, and the known world they are first tried on."""

__version__ = "0.1.0"

from sonoscope.numba_cache import use_own_cache

use_own_cache()
