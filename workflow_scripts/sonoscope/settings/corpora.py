"""Settings of the corpora of audio and of prompts: composed ones by default, real ones by their folder."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from sonoscope.settings.base import Section

RatedName = Literal["pmemo", "deam"]

_RATED_FOLDER: dict[str, str] = {"pmemo": "PMEmo2019", "deam": "DEAM"}
_STATIC: dict[str, str] = {
    "pmemo": "annotations/static_annotations.csv",
    "deam": "annotations/annotations averaged per song/song_level/static_annotations_averaged_songs_1_2000.csv",
}


class RatedAudio(Section):
    """A corpus of clips with valence and arousal."""

    folder: str | None = None
    """Folder of the real corpus, as it was published; null composes one in the same layout."""
    clips: int = Field(24, ge=4)
    """Composed clips."""
    seconds: float = Field(20.0, ge=17, le=600)
    """Length of each composed clip, in seconds; ratings over time begin after 15."""
    decode: bool = True
    """Whether every file is decoded to its end to find damaged ones; the header is always read."""

    def root(self, name: str, results: Path) -> Path:
        """Folder of corpus ``name``."""
        return Path(self.folder).expanduser() if self.folder else results / "world" / name / _RATED_FOLDER[name]

    def file(self, name: str, results: Path) -> str:
        """File that stands for the whole corpus ``name``."""
        root = self.root(name, results)
        if not self.folder:
            return str(root / "truth.csv")
        places = (root / _STATIC[name], root / _RATED_FOLDER[name] / _STATIC[name])
        return str(next((p for p in places if p.is_file()), places[0]))


class Songs(Section):
    """Songs with artists, whose shares in what a model generates are asked for."""

    folder: str | None = None
    """Folder of audio with metadata (docs/data.md says in which forms); null composes artists."""
    artists: int = Field(8, ge=2, le=200)
    """Composed artists; those 6 apart share a genre."""
    songs: int = Field(3, ge=1)
    """Songs of each artist."""
    shortest: float = Field(30.0, ge=2)
    """Length of the shortest song, in seconds; of a folder, shorter songs are left out."""
    longest: float = Field(120.0, ge=2)
    """Length of the longest composed song, in seconds."""
    decode: bool = True
    """Whether every file is decoded to its end to find damaged ones; the header is always read."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.shortest > self.longest:
            raise ValueError(f"shortest: expected at most longest, {self.longest:g}, found {self.shortest:g}")
        return self

    def root(self, results: Path) -> Path:
        """Folder of the songs."""
        return Path(self.folder).expanduser() if self.folder else results / "world" / "songs" / "audio"

    def files(self, results: Path) -> list[str]:
        """File that stands for the composed songs; a user's folder is looked through as it is."""
        return [] if self.folder else [str(self.root(results) / "data.jsonl")]


class Prompts(Section):
    """Prompts that ask for emotions."""

    file: str | None = None
    """CSV file with id, prompt, emotion, valence, arousal, and template_id if there is one; null takes the shipped."""
    scale: Literal["signed", "unit"] = "signed"
    """Range of its valence and arousal: from -1 to 1, or from 0 to 1."""


class Corpora(Section):
    """Corpora of audio and of prompts."""

    pmemo: RatedAudio = RatedAudio()
    """PMEmo: choruses with valence and arousal."""
    deam: RatedAudio = RatedAudio()
    """DEAM: excerpts with valence and arousal."""
    songs: Songs = Songs()
    """Songs with artists."""
    prompts: Prompts = Prompts()
    """Prompts that ask for emotions."""

    def rated(self, name: str) -> RatedAudio:
        """Settings of the rated corpus ``name``."""
        found: RatedAudio = getattr(self, name)
        return found
