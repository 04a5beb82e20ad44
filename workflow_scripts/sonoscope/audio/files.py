"""Audio files: FLAC and WAV through libsndfile, always written whole."""

import io
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from sonoscope.errors import SonoscopeError
from sonoscope.files import replacing

AudioArray = NDArray[np.float32]


class AudioError(SonoscopeError, ValueError):
    """An audio file that cannot be used, with the reason."""


def write_audio(path: Path, audio: AudioArray, sample_rate: int) -> None:
    """Write mono audio of shape ``(samples,)``; the suffix (.flac or .wav) gives the format, 16 bit."""
    with replacing(path) as temporary:
        soundfile.write(temporary, _clip(audio), sample_rate, subtype="PCM_16")


def read_audio(source: Path | bytes) -> tuple[AudioArray, int]:
    """Mono audio of shape ``(samples,)`` and its sample rate in hertz, from a path or from bytes.

    Raises
    ------
    AudioError
        The file is empty, damaged, of unknown format, or holds NaN.
    """
    name = "bytes" if isinstance(source, bytes) else str(source)
    try:
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        audio, sample_rate = soundfile.read(stream, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, ValueError) as error:
        raise AudioError(f"{name}: expected an audio file, found {error}") from None
    if not len(audio):
        raise AudioError(f"{name}: expected audio, found 0 samples")
    if not np.isfinite(audio).all():
        raise AudioError(f"{name}: expected finite samples, found NaN or infinity")
    return np.ascontiguousarray(audio.mean(axis=1, dtype=np.float32)), int(sample_rate)


def to_flac(audio: AudioArray, sample_rate: int) -> bytes:
    """The bytes of a 16-bit FLAC file."""
    stream = io.BytesIO()
    soundfile.write(stream, _clip(audio), sample_rate, format="FLAC", subtype="PCM_16")
    return stream.getvalue()


def _clip(audio: AudioArray) -> AudioArray:
    # libsndfile wraps around beyond full scale in some formats; clipping is what a listener expects
    return np.clip(audio, -1.0, 32767 / 32768)
