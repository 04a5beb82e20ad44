"""What to do about what was found."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sonoscope.fetch.catalogue import model, with_needs
from sonoscope.logs import size
from sonoscope.settings.fetch import MODEL_NAMES

if TYPE_CHECKING:
    from sonoscope.doctor.examination import Examination

_OLDEST_PYTHON = (3, 11)
_ROOM = 5_000_000_000  # bytes of results that a run of a published preset makes, roughly


def advise(found: "Examination") -> tuple[str, ...]:
    """Compose the sentences that a user should act on, the most pressing first."""
    return *_install(found), *_cards(found), *_room(found)


def _install(found: "Examination") -> Iterator[str]:
    if tuple(int(part) for part in found.python.split(".")[:2]) < _OLDEST_PYTHON:
        yield f"Python {found.python} is too old: Sonoscope needs 3.11 or later."
    if found.torch is None:
        yield "torch is not installed: run `make` to make the environment."
    if found.audiocraft:
        yield f"audiocraft cannot be imported ({found.audiocraft}): run `make`, which installs it without its old pins."
    if not found.soundfonts:
        yield "There is no soundfont, so scores cannot be rendered: install pretty_midi, which carries one (`make`)."
    for tool in found.tools:
        if tool.state == "broken" and tool.name == "torchaudio":
            yield f"torchaudio does not load ({tool.detail}) and harms transformers: `pip uninstall torchaudio`."
        elif tool.state == "broken":
            yield f"{tool.name} is installed but does not load ({tool.detail}); Sonoscope runs without it."


def _cards(found: "Examination") -> Iterator[str]:
    if found.unused_cards:
        names = ", ".join(found.unused_cards)
        yield f"The driver lists {names}, but this torch cannot use it: install a torch built for CUDA."
    elif not any(device.place == "cuda" for device in found.devices):
        yield "No CUDA card: everything runs on the processor, for which the shipped models are made."
    if any(device.place == "mps" for device in found.devices):
        yield "The Apple GPU is measured here, but the workflow's jobs run on CUDA cards or on the processor."
    for device in found.devices:
        if device.free is not None and device.free < device.memory / 2:
            there = f"{size(device.free)} of {size(device.memory)}"
            yield f"{device.torch_name} has only {there} free: other programs use it, so less fits than stated here."


def _room(found: "Examination") -> Iterator[str]:
    name = found.recommendation.model
    fetched = with_needs(tuple(n for n in MODEL_NAMES if n == name))  # nothing, if it is the shipped one
    weights = sum((model(n).gigabytes for n in fetched), 0.0)
    needed = int(weights * 1e9) + _ROOM
    for disk in found.disks:
        if disk.free < needed:
            yield (
                f"Only {size(disk.free)} are free at {disk.place}; {name} with its results takes about {size(needed)}. "
                "SONOSCOPE_STORAGE names another place."
            )
