"""The device that models run on: CUDA where a card is visible, else the CPU. Torch is imported only when asked."""

from __future__ import annotations

import logging
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Literal, cast, get_args

from sonoscope.errors import SonoscopeError

if TYPE_CHECKING:
    import torch

Precision = Literal["float16", "bfloat16", "float32"]
PRECISION, TF32 = "SONOSCOPE_PRECISION", "SONOSCOPE_TF32"
"""Environment variables: of language models on a card, and whether single precision there may round products to TF32.
They belong to the machine, as the device does: results agree within stated tolerances, and nothing reruns."""

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
        tf32 = os.environ.get(TF32, "1") != "0"
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = tf32
        name = torch.cuda.get_device_name(chosen)
        logger.info("device: %s, language models in %s, TF32 %s", name, precision("cuda"), "on" if tf32 else "off")
    else:
        chosen = torch.device("cpu")
        logger.info("device: CPU, %d threads (no CUDA card is visible)", torch.get_num_threads())
    return chosen


def precision(where: str | None = None) -> Precision:
    """Precision of language models: single on the CPU, half on a card unless ``SONOSCOPE_PRECISION`` says otherwise.

    Parameters
    ----------
    where : str, optional
        The device; by default the one of this process.

    Raises
    ------
    SonoscopeError
        The variable names no precision.
    """
    asked = os.environ.get(PRECISION, "")
    if asked and asked not in get_args(Precision):
        raise SonoscopeError(f"{PRECISION}: expected one of {', '.join(get_args(Precision))}, found {asked!r}")
    if (where or str(device())).startswith("cuda"):
        return cast(Precision, asked or "float16")
    return "float32"


def kind() -> str:
    """Name what this process computed on: the name of the card if `device` chose one, else ``cpu``."""
    if device.cache_info().currsize and device().type == "cuda":
        return str(sys.modules["torch"].cuda.get_device_name())
    return "cpu"
