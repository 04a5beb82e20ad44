"""What every continuous codec offers, whatever it is made of."""

from typing import Protocol

from torch import Tensor


class ContinuousCodec(Protocol):
    """Audio to latents at a fixed frame rate, and back. Encoding the same audio twice gives the same latents."""

    @property
    def name(self) -> str:
        """Name, as in configuration and results."""
        ...

    @property
    def sample_rate(self) -> int:
        """Rate of the audio, in hertz."""
        ...

    @property
    def frame_rate(self) -> float:
        """Rate of the latents, in hertz."""
        ...

    @property
    def dim(self) -> int:
        """Dimensions of a latent."""
        ...

    def encode(self, audio: Tensor) -> Tensor:
        """Latents [B, T, D] of mono audio [B, 1, S]; T = S · frame_rate / sample_rate, rounded up."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Mono audio [B, 1, T · sample_rate / frame_rate] of latents [B, T, D]."""
        ...
