"""Shape and training of the shipped speech codec, and the deterministic codec beside it."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field

from sonoscope.settings.base import Section
from sonoscope.settings.training import Optimiser


class SpeechCodecGeometry(Section):
    """Shape of the shipped speech codec."""

    dim: int = Field(32, ge=1, le=512)
    """Dimensions of a latent."""
    width: int = Field(160, ge=8)
    """Channels of its convolutions."""


class CodecSpeakers(Section):
    """Synthetic speakers that the shipped speech codec learns from; studies get other voices."""

    speakers: int = Field(108, ge=4, le=108)
    """How many, women and men in turn."""
    utterances: int = Field(16, ge=1)
    """Utterances of each, of one sentence."""
    validation: float = Field(0.11, gt=0, lt=0.5)
    """Share of speakers on whom training is watched."""
    shortest: float = Field(2.0, ge=0)
    """Utterances shorter than this are left out, in seconds."""


class SpeechCodec(Section):
    """Training of the shipped speech codec from nothing; no study reads this."""

    corpus: CodecSpeakers = CodecSpeakers()
    """What it learns from."""
    geometry: SpeechCodecGeometry = SpeechCodecGeometry()
    """Its shape."""
    optimiser: Optimiser = Optimiser(steps=8000, batch=8, weight_decay=0.01, warmup=100)
    """Schedule."""
    crop: int = Field(24, ge=2)
    """Length of a training crop, in latent frames of 80 ms."""
    divergence_weight: float = Field(0.01, ge=0)
    """Weight of the divergence from the prior, per dimension, against the squared error per band."""
    divergence_warmup: int = Field(300, ge=0)
    """Steps over which that weight grows from 0."""
    free_nats: float = Field(0.2, ge=0)
    """Divergence per dimension, in nats, below which it costs nothing, so that no dimension is given up early."""


class MelPcaCodec(Section):
    """The deterministic codec: principal components of stacked log-mel frames."""

    dims: tuple[Annotated[int, Field(ge=1, le=640)], ...] = Field((32, 64), min_length=1)
    """Numbers of components, one codec for each."""


SHIPPED_CODEC = "sonoscope-speech"
"""The small speech codec that comes with the repository."""
RANDOM_PROJECTION = "random-projection-"
"""How the names of the random controls of mel-pca-N begin."""
CODEC_NAME = re.compile(
    r"(?:mel-pca|random-projection)-[1-9]\d{0,2}|sonoscope-speech|sonoscope-musicgen|random-encodec|mimi|encodec_24khz"
    r"|encodec_32khz"
)
"""Codecs that go by a name; every other one is named by its folder."""


def codec_file(name: str, shipped: Path, results: Path, downloads: Path, folder: str | None = None) -> str:
    """File by which rules depend on codec ``name``, and by which `sonoscope.codecs.loading.load_codec` loads it.

    Parameters
    ----------
    name : str
        mel-pca-32 (any number of components that ``mel_pca.dims`` names), random-projection-32 (its control),
        sonoscope-speech, sonoscope-musicgen (its EnCodec), random-encodec (that of the MusicGen with random weights),
        mimi, encodec_24khz or encodec_32khz; or any name, with the ``folder`` of a codec.
    shipped, results, downloads : Path
        Where shipped models, the results of this run and fetched files lie.
    folder : str, optional
        Folder of a codec in transformers' or audiocraft's layout, or with a codec.safetensors.

    Raises
    ------
    ValueError
        The name is unknown and no folder is given.
    """
    if folder is not None:
        found = (Path(folder).expanduser() / f for f in ("codec.safetensors", "config.json"))
        return str(next((f for f in found if f.is_file()), Path(folder).expanduser() / "compression_state_dict.bin"))
    if not CODEC_NAME.fullmatch(name):
        raise ValueError(
            "expected mel-pca-N, random-projection-N, sonoscope-speech, sonoscope-musicgen, random-encodec, mimi,"
            f" encodec_24khz, encodec_32khz or a folder, found {name!r}"
        )
    if name.startswith(("mel-pca-", RANDOM_PROJECTION)):
        return str(results / "codecs" / f"mel-pca-{name.rpartition('-')[2]}" / "codec.safetensors")
    if name == SHIPPED_CODEC:
        return str(shipped / name / "codec.safetensors")
    if name == "random-encodec":
        return str(results / "models" / "random" / "compression_state_dict.bin")
    if name == "sonoscope-musicgen":
        return str(shipped / name / "compression_state_dict.bin")
    return str(downloads / "models" / name / "fetched.json")
