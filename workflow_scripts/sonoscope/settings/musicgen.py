"""Which MusicGen is looked into, and how it generates."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sonoscope.settings.base import Section
from sonoscope.settings.fetch import MODEL_NAMES

SHIPPED = "sonoscope-musicgen"
"""The small MusicGen that comes with the repository."""
RANDOM = "random"
"""A smaller one with random weights, made on the spot, for tests of the machinery."""

AUDIOCRAFT_FILE, TRANSFORMERS_FILE = "state_dict.bin", "config.json"
"""The file that shows the layout of a folder."""
FETCHED_FILE = "fetched.json"
"""The file that fetching leaves last in a folder, of either layout."""
PUBLISHED: tuple[str, ...] = tuple(name for name in MODEL_NAMES if name.startswith("musicgen-"))
"""MusicGens that can be fetched."""


class MusicGen(Section):
    """The MusicGen that all studies of MusicGen look into."""

    name: str = Field(SHIPPED, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """`sonoscope-musicgen` (shipped), `random`, or one that `fetch_models` knows, such as `musicgen-large`."""
    folder: str | None = None
    """Folder of this model, in audiocraft's or transformers' layout; null takes the shipped or fetched one."""
    backend: Literal["audiocraft", "transformers"] = "audiocraft"
    """Library that runs it; for transformers, a model in audiocraft's layout is converted first."""
    seconds: float = Field(4.0, gt=0, le=30)
    """Length of generated clips, in seconds."""
    top_k: int = Field(250, ge=0)
    """Candidates kept per token; 0 keeps all, 1 is greedy."""
    temperature: float = Field(0.3, ge=0)
    """Divides the logits before sampling; by default 1 for other models than the shipped one, as published."""
    guidance: float = Field(1.0, ge=0)
    """Classifier-free guidance coefficient; 1 is none, which is best for the shipped model, as it knows its clips by
    heart. By default 3 for other models, as published."""
    batch: int = Field(16, ge=1)
    """Clips per batch, in generation and replay."""

    @model_validator(mode="before")
    @classmethod
    def _as_published(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("name", SHIPPED) == SHIPPED:
            return given
        return {"temperature": 1.0, "guidance": 3.0, **given}

    @model_validator(mode="after")
    def _known(self) -> Self:
        known = (SHIPPED, RANDOM, *PUBLISHED)
        if self.folder is None and self.name not in known:
            raise ValueError(f"name: expected one of {', '.join(known)}, or a folder beside it, found {self.name!r}")
        return self

    def file(self, name: str, shipped: Path, results: Path, downloads: Path) -> str:
        """The file by which jobs load model ``name``: its name says the layout, and so the backend."""
        folder = self.home(name, shipped, results, downloads)
        converted = self.backend == "transformers" and (folder / AUDIOCRAFT_FILE).is_file()
        if folder.parent == downloads / "models" and not converted:
            return str(folder / FETCHED_FILE)  # made by fetching, so that a plain call brings what is missing
        if self.backend == "audiocraft":
            return str(folder / AUDIOCRAFT_FILE)
        if name in (SHIPPED, RANDOM) or converted:
            return str(results / "models" / "transformers" / name / TRANSFORMERS_FILE)
        return str(folder / TRANSFORMERS_FILE)

    def home(self, name: str, shipped: Path, results: Path, downloads: Path) -> Path:
        """Folder that model ``name`` comes from."""
        if name == RANDOM:
            return results / "models" / RANDOM
        if self.folder is not None and name == self.name:
            return Path(self.folder)
        return shipped / SHIPPED if name == SHIPPED else downloads / "models" / name
