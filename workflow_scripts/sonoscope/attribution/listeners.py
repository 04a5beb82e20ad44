"""Likeness as trained listeners hear it: CLAP and CLMR, where they have been fetched.

CLAP (Wu et al. 2023, arXiv 2211.06687) is read in transformers' layout; CLMR (Spijkervet and Burgoyne 2021, arXiv
2103.09410) from the authors' checkpoint, a SampleCNN of ten convolutions on 59 049 samples at 22 050 Hz. Both are the
baselines of Barnett et al. 2024 (arXiv 2401.14542), who search a training set for what sounds alike.
"""

import zipfile
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonoscope.attribution.errors import AttributionError

Floats = NDArray[np.float64]
Listener = Callable[[Sequence[NDArray[np.float32]], int], Floats]
"""From clips and their sample rate to vectors, ``(clips, dim)``."""

CLMR_RATE, CLMR_SAMPLES = 22050, 59049
_WIDTHS = (128, 128, 128, 128, 256, 256, 256, 256, 256, 256, 512)


def listener(name: str, place: Path) -> Listener:
    """CLAP from a folder, or CLMR from a file.

    Raises
    ------
    AttributionError
        There is none.
    """
    if not place.exists():
        raise AttributionError(f"attribution.scoring.listeners.{name}: expected the model at {place}, found nothing")
    return clap(place) if name == "clap" else clmr(place)


def clap(folder: Path) -> Listener:
    """The audio side of a CLAP model."""
    from transformers import ClapFeatureExtractor, ClapModel

    try:
        model: Any = ClapModel.from_pretrained(folder, local_files_only=True)
        extract = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise AttributionError(f"{folder}: expected a CLAP model in transformers' layout, found {error}") from None
    model.eval()
    rate = int(extract.sampling_rate)

    @torch.no_grad()
    def hear(clips: Sequence[NDArray[np.float32]], sample_rate: int) -> Floats:
        rows = []
        for clip in clips:  # one by one: a vector then does not depend on its neighbours
            sound = librosa.resample(clip, orig_sr=sample_rate, target_sr=rate)
            features = extract(sound, sampling_rate=rate, return_tensors="pt")
            found = model.get_audio_features(**features)
            rows.append((found if isinstance(found, Tensor) else found.pooler_output)[0].double().numpy())
        return np.stack(rows)

    return hear


class SampleCNN(nn.Module):
    """The encoder of CLMR: waveforms ``[B, 1, 59049]`` to ``[B, 512]``."""

    def __init__(self) -> None:
        super().__init__()
        blocks = [nn.Sequential(nn.Conv1d(1, _WIDTHS[0], 3, 3), nn.BatchNorm1d(_WIDTHS[0]), nn.ReLU())]
        for inner, outer in pairwise(_WIDTHS[1:]):
            conv = nn.Conv1d(inner, outer, 3, 1, 1)
            blocks.append(nn.Sequential(conv, nn.BatchNorm1d(outer), nn.ReLU(), nn.MaxPool1d(3, 3)))
        last = _WIDTHS[-1]
        blocks.append(nn.Sequential(nn.Conv1d(last, last, 3, 1, 1), nn.BatchNorm1d(last), nn.ReLU()))
        self.sequential = nn.Sequential(*blocks)

    def forward(self, sound: Tensor) -> Tensor:
        """Mean over what is left of time."""
        out: Tensor = self.sequential(sound).mean(-1)
        return out


def clmr(file: Path) -> Listener:
    """The encoder of a CLMR checkpoint; what stands beside it (projector, classifier) is not used."""
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError, zipfile.BadZipFile) as error:
        raise AttributionError(f"{file}: expected a checkpoint of CLMR, found {error}") from None
    state: Mapping[str, Tensor] = found.get("state_dict", found) if isinstance(found, dict) else {}
    mine = {n[n.index("sequential.") :]: v for n, v in state.items() if "sequential." in n}
    model = SampleCNN().eval()
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    wrong = [n for n, shape in wanted.items() if n not in mine or mine[n].shape != shape]
    if wrong:
        raise AttributionError(f"{file}: expected the encoder of CLMR, but {wrong[0]} is missing or of another shape")
    model.load_state_dict({name: mine[name] for name in wanted})

    @torch.no_grad()
    def hear(clips: Sequence[NDArray[np.float32]], sample_rate: int) -> Floats:
        rows = []
        for clip in clips:
            sound = librosa.resample(clip, orig_sr=sample_rate, target_sr=CLMR_RATE)
            sound = np.pad(sound, (0, max(0, CLMR_SAMPLES - len(sound))))
            starts = range(0, len(sound) - CLMR_SAMPLES + 1, CLMR_SAMPLES)
            parts = np.stack([sound[s : s + CLMR_SAMPLES] for s in starts])[:, None]
            rows.append(model(torch.from_numpy(parts)).mean(0).double().numpy())
        return np.stack(rows)

    return hear
