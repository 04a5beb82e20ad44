"""Log-mel frames and the way back to a waveform: the front end of the codecs that work on spectra."""

from dataclasses import dataclass
from functools import lru_cache

import librosa
import numpy as np
import torch
from torch import Tensor

FLOOR = 1e-5
"""Added to magnitudes before the logarithm: about -100 dB of full scale."""


@dataclass(frozen=True)
class LogMel:
    """Natural logarithm of mel-band magnitudes.

    Parameters
    ----------
    sample_rate : int
        In hertz.
    hop : int
        Samples between frames.
    window : int
        Samples of the Hann window.
    bands : int
    highest : float
        Upper edge of the highest band, in hertz. LibriSpeech is recorded at 16 kHz: above 8 kHz there is nothing.
    """

    sample_rate: int = 24_000
    hop: int = 240
    window: int = 1024
    bands: int = 80
    highest: float = 8000.0

    def frames(self, audio: Tensor, multiple: int = 1) -> Tensor:
        """Log-mel frames [B, F, bands] of mono audio [B, 1, S], padded with silence to a ``multiple`` of frames.

        Frame i is centred on sample i · hop.
        """
        step = self.hop * multiple
        missing = -audio.shape[-1] % step
        padded = torch.nn.functional.pad(audio[:, 0], (0, missing))
        count = padded.shape[-1] // self.hop
        window = torch.hann_window(self.window, dtype=padded.dtype, device=padded.device)
        spectrum = torch.stft(
            padded, self.window, self.hop, window=window, center=True, pad_mode="constant", return_complex=True
        )
        magnitude = spectrum.abs()[..., :count] / (self.window / 2) ** 0.5
        bank = self._bank.to(padded)
        return torch.log(bank @ magnitude + FLOOR).transpose(1, 2)

    def waveform(self, frames: Tensor, iterations: int = 32) -> Tensor:
        """Mono audio [B, 1, F · hop] whose log-mel frames are close to ``frames`` [B, F, bands].

        Linear magnitudes by the pseudo-inverse of the bank, phases by fast Griffin-Lim (Perraudin et al. 2013) from a
        fixed start, so that the result is deterministic.
        """
        mel = (frames.detach().double().exp() - FLOOR).clamp(min=0).transpose(1, 2).cpu()
        magnitude = (self._inverse.double() @ mel).clamp(min=0) * (self.window / 2) ** 0.5
        # the frame that `frames` left out at the end, so that the last hop is covered
        whole = torch.cat([magnitude, magnitude[..., -1:]], -1).numpy()
        sound = [
            librosa.griffinlim(
                m,
                n_iter=iterations,
                hop_length=self.hop,
                n_fft=self.window,
                random_state=0,
                length=frames.shape[1] * self.hop,
                pad_mode="constant",
            )
            for m in whole
        ]
        return torch.from_numpy(np.stack(sound).astype(np.float32))[:, None].to(frames.device)

    @property
    def _bank(self) -> Tensor:
        return _filters(self)[0]

    @property
    def _inverse(self) -> Tensor:
        return _filters(self)[1]


@lru_cache(maxsize=4)
def _filters(mel: LogMel) -> tuple[Tensor, Tensor]:
    """The mel filter bank [bands, bins], and its pseudo-inverse."""
    bank = librosa.filters.mel(sr=mel.sample_rate, n_fft=mel.window, n_mels=mel.bands, fmax=mel.highest)
    bank = bank / bank.sum(axis=1, keepdims=True).clip(1e-12)
    return torch.from_numpy(bank.astype(np.float32)), torch.from_numpy(np.linalg.pinv(bank).astype(np.float32))
