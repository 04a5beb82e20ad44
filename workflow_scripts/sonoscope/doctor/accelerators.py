"""Graphics cards, as torch and as the driver see them."""

import logging
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sonoscope.doctor.memory import Place

logger = logging.getLogger(__name__)

Command = Callable[[Sequence[str]], str]

_SHARE: dict[Place, float] = {"cuda": 0.9, "mps": 1.0, "cpu": 0.8}  # of its memory, what a model should count on


@dataclass(frozen=True)
class Device:
    """Something that models can run on."""

    name: str
    place: Place
    torch_name: str
    """What torch calls it: ``cuda:0``, ``mps``, ``cpu``."""
    memory: int
    """Bytes; for an Apple card what the system recommends to use of the shared memory."""
    free: int | None = None
    """Bytes not in use by other programs; null where the system does not say."""
    capability: str | None = None
    """CUDA compute capability."""
    bf16: bool = True
    """Whether it computes in bf16."""

    @property
    def usable(self) -> int:
        """Bytes that a model should count on; the rest is for what else runs there."""
        return int(self.memory * _SHARE[self.place])


def devices(torch: Any, cpu_name: str, main_memory: int) -> list[Device]:
    """Cards that ``torch`` (the module, or None where it is absent) can use, then the processor."""
    found = [] if torch is None else [*_cuda(torch), *_mps(torch)]
    return [*found, Device(cpu_name, "cpu", "cpu", main_memory)]


def _cuda(torch: Any) -> list[Device]:
    if not torch.cuda.is_available():
        return []
    found = []
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        free, _ = torch.cuda.mem_get_info(index)
        capability = f"{about.major}.{about.minor}"
        native = about.major >= 8  # bf16 came with Ampere
        found.append(Device(about.name, "cuda", f"cuda:{index}", about.total_memory, free, capability, native))
    return found


def _mps(torch: Any) -> list[Device]:
    if not torch.backends.mps.is_available():
        return []
    return [Device("Apple GPU (Metal)", "mps", "mps", int(torch.mps.recommended_max_memory()))]


def unused_cards(found: Sequence[Device], ask: Command | None = None) -> list[str]:
    """Names of cards that the NVIDIA driver lists although torch sees none: then torch was built without CUDA."""
    if any(device.place == "cuda" for device in found):
        return []
    listed = (ask or _run)(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"])
    return [line.strip() for line in listed.splitlines() if line.strip()]


def _run(command: Sequence[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("%s did not answer: %s", command[0], error)
        return ""
    return done.stdout
