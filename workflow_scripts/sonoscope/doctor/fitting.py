"""Which MusicGen fits where, and which one to take."""

from collections.abc import Sequence
from dataclasses import dataclass

from sonoscope.doctor.accelerators import Device
from sonoscope.doctor.memory import MODELS, SECONDS, Precision, need

SHIPPED = "sonoscope-musicgen"
_COMFORTABLE = 2  # clips at once: one as it is and one steered
_IN_ORDER = ("musicgen-large", "musicgen-medium", "musicgen-small")


@dataclass(frozen=True)
class Fit:
    """One model on one device."""

    device: str
    model: str
    precision: Precision
    weights: int
    """Bytes."""
    clip: int
    """Bytes per clip of ``seconds``."""
    needed: int
    """Bytes for one clip, all told."""
    largest_batch: int
    """Clips at once; 0 if not even one fits."""
    seconds: float = SECONDS


@dataclass(frozen=True)
class Recommendation:
    """What to run here."""

    model: str
    device: str
    preset: str
    why: str


def fits(devices: Sequence[Device]) -> list[Fit]:
    """Every published size on every device; on a processor in single precision only, as half is slow there."""
    return [
        _fit(device, model, precision) for device in devices for model in MODELS for precision in _precisions(device)
    ]


def _precisions(device: Device) -> tuple[Precision, ...]:
    return ("fp32",) if device.place == "cpu" else ("fp16", "fp32")


def _fit(device: Device, model: str, precision: Precision) -> Fit:
    needs = need(MODELS[model], precision, device.place)
    batch = needs.largest_batch(device.usable)
    return Fit(device.torch_name, model, precision, needs.weights, needs.clip, needs.of(1), batch)


def recommend(devices: Sequence[Device], table: Sequence[Fit]) -> Recommendation:
    """Choose the largest text-to-music model that runs comfortably on a CUDA card, else the shipped one.

    Comfortable means two clips at once in half precision; failing that, the largest that holds one clip.
    """
    cards = sorted((d for d in devices if d.place == "cuda"), key=lambda d: d.memory, reverse=True)
    batches = {(f.device, f.model): f.largest_batch for f in table if f.precision == "fp16"}
    for enough in (_COMFORTABLE, 1):
        for card in cards:
            for model in _IN_ORDER:
                batch = batches.get((card.torch_name, model), 0)
                if batch >= enough:
                    why = f"it holds {batch} clips of {SECONDS:.0f} s at once in half precision on {card.name}"
                    return Recommendation(model, card.torch_name, model, why)
    why = "there is no CUDA card that a published model fits on, and the shipped models are made for the processor"
    return Recommendation(SHIPPED, "cpu", "demo", why)
