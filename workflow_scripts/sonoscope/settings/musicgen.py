"""Which MusicGen is looked into, and how it generates."""

from pathlib import Path

from pydantic import Field

from sonoscope.settings.base import Section

SHIPPED = "sonoscope-musicgen"
"""The small MusicGen that comes with the repository."""
RANDOM = "random"
"""A smaller one with random weights, made on the spot, for tests of the machinery."""


class MusicGen(Section):
    """The MusicGen that all studies of MusicGen look into."""

    name: str = Field(SHIPPED, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """`sonoscope-musicgen` (shipped), `random`, or one that `fetch_models` knows, such as `musicgen-large`."""
    folder: str | None = None
    """Folder of this model in audiocraft's layout, if it is there already; null takes the shipped or fetched one."""
    seconds: float = Field(4.0, gt=0, le=30)
    """Length of generated clips, in seconds."""
    top_k: int = Field(250, ge=0)
    """Candidates kept per token; 0 keeps all, 1 is greedy."""
    temperature: float = Field(1.0, ge=0)
    """Divides the logits before sampling."""
    guidance: float = Field(3.0, ge=0)
    """Classifier-free guidance coefficient."""
    batch: int = Field(16, ge=1)
    """Clips per batch, in generation and replay."""

    def files(self, name: str, shipped: Path, results: Path, downloads: Path) -> tuple[str, str]:
        """Paths of the language model's and the codec's file of model ``name``."""
        if name == RANDOM:
            folder = results / "models" / RANDOM
        elif self.folder is not None and name == self.name:
            folder = Path(self.folder)
        elif name == SHIPPED:
            folder = shipped / SHIPPED
        else:
            folder = downloads / "models" / name
        return str(folder / "state_dict.bin"), str(folder / "compression_state_dict.bin")
