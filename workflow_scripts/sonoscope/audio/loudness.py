"""Loudness of files that people listen to; nothing that is measured is ever normalised."""

import numpy as np

from sonoscope.audio.files import AudioArray


def normalise(audio: AudioArray, sample_rate: int, decibels: float) -> AudioArray:
    """Scale mono audio to a root mean square of ``decibels`` relative to full scale.

    The level is that of the loudest 0.4 s windows (above the clip's own median), as a listener hears it; the gain is
    lowered where a sample would pass full scale. Silence is returned as it is.
    """
    window = max(1, round(0.4 * sample_rate))
    count = max(1, len(audio) // window)
    blocks = audio[: count * window].reshape(count, -1) if len(audio) >= window else audio[None]
    power = np.square(blocks, dtype=np.float64).mean(axis=1)
    gated = power[power >= np.median(power)].mean()
    if gated <= 1e-12:
        return audio
    gain = min(10 ** (decibels / 20) / gated**0.5, 0.99 / float(np.abs(audio).max()))
    return (audio * np.float32(gain)).astype(np.float32)
