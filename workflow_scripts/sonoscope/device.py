"""The device that models run on: CUDA where a card is visible, else the CPU. Torch is imported only when asked."""

from __future__ import annotations

import logging
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)


@cache
def device() -> torch.device:
    """Choose the device for models and large tensors; said once in the log.

    Which card is meant by ``cuda`` is decided before, by ``CUDA_VISIBLE_DEVICES`` (SLURM, the user, or
    `sonoscope.lease`).
    """
    import torch

    if torch.cuda.is_available():
        chosen = torch.device("cuda")
        logger.info("device: %s", torch.cuda.get_device_name(chosen))
    else:
        chosen = torch.device("cpu")
        logger.info("device: CPU, %d threads (no CUDA card is visible)", torch.get_num_threads())
    return chosen


def kind() -> str:
    """Name what this process computed on: the name of the card if `device` chose one, else ``cpu``."""
    if device.cache_info().currsize and device().type == "cuda":
        return str(sys.modules["torch"].cuda.get_device_name())
    return "cpu"
