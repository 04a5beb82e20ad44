"""Everything that is found out about this machine, in one record; the contract of ``doctor.json``."""

import importlib
import logging
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import sonoscope
from sonoscope.doctor import tools
from sonoscope.doctor.accelerators import Device, devices, unused_cards
from sonoscope.doctor.advice import advise
from sonoscope.doctor.fitting import Fit, Recommendation, fits, recommend
from sonoscope.doctor.hardware import Disk, Memory, Processor, disk, memory, processor
from sonoscope.doctor.matmul import Rate, measure

logger = logging.getLogger(__name__)


def _torch() -> Any:
    """Import torch; None where it is absent. By name, so that reading this module needs no torch."""
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        logger.warning("torch cannot be imported: %s", error)
        return None


@dataclass(frozen=True)
class Probes:
    """The ways in which the examination looks; a test replaces them by a machine of its own making."""

    torch: Callable[[], Any] = _torch
    processor: Callable[[], Processor] = processor
    memory: Callable[[], Memory] = memory
    disk: Callable[[Path], Disk] = disk
    tool: Callable[[tools.Tool], tools.Found] = tools.look
    audiocraft: Callable[[], str] = tools.audiocraft_problem
    soundfonts: Callable[[], list[str]] = tools.soundfonts
    unused_cards: Callable[[Sequence[Device]], list[str]] = unused_cards
    rate: Callable[[Any, str, str], Rate] = measure


@dataclass(frozen=True)
class Examination:
    """What was found; sizes in bytes, rates in GFLOP/s."""

    sonoscope: str
    python: str
    system: str
    torch: str | None
    """Version of torch; null where it is absent."""
    cuda: str | None
    """Version of CUDA that torch was built for; null where it was built without."""
    processor: Processor
    memory: Memory
    disks: tuple[Disk, ...]
    devices: tuple[Device, ...]
    rates: tuple[Rate, ...]
    fits: tuple[Fit, ...]
    recommendation: Recommendation
    tools: tuple[tools.Found, ...]
    audiocraft: str
    """Why audiocraft cannot be imported; "" if it can."""
    soundfonts: tuple[str, ...]
    unused_cards: tuple[str, ...]
    """Cards that the driver lists and torch cannot use."""
    advice: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data for ``doctor.json``."""
        return asdict(self)


def examine(places: Sequence[Path], probes: Probes | None = None) -> Examination:
    """Look at this machine; ``places`` are where results and downloads will lie."""
    look = probes or Probes()
    torch = look.torch()
    cpu, main_memory = look.processor(), look.memory()
    found = devices(torch, cpu.model, main_memory.total)
    table = fits(found)
    logger.info("devices: %s", ", ".join(device.name for device in found))
    examination = Examination(
        sonoscope=sonoscope.__version__,
        python=platform.python_version(),
        system=platform.platform(),
        torch=str(torch.__version__) if torch else None,
        cuda=torch.version.cuda if torch else None,
        processor=cpu,
        memory=main_memory,
        disks=tuple(look.disk(place) for place in places),
        devices=tuple(found),
        rates=tuple(_rates(look, torch, found)),
        fits=tuple(table),
        recommendation=recommend(found, table),
        tools=tuple(look.tool(tool) for tool in tools.OPTIONAL),
        audiocraft=look.audiocraft(),
        soundfonts=tuple(look.soundfonts()),
        unused_cards=tuple(look.unused_cards(found)),
    )
    return replace(examination, advice=advise(examination))


def _rates(look: Probes, torch: Any, found: Sequence[Device]) -> list[Rate]:
    rates = []
    for device in found if torch else ():
        for dtype in ("float32", "bfloat16"):
            try:
                rates.append(look.rate(torch, device.torch_name, dtype))
            except RuntimeError as error:  # a card that is full, or knows no bf16, must not end the examination
                logger.warning("%s does not multiply in %s: %s", device.torch_name, dtype, str(error).splitlines()[0])
    return rates
