"""Settings of the speech corpus."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from sonoscope.settings.base import Section
from sonoscope.settings.fetch import CorpusName


class Speech(Section):
    """Speech that the study of latent dynamics works on: synthetic by default, or LibriSpeech."""

    corpus: Literal["synthetic", "librispeech"] = "synthetic"
    """Made-up sentences read by synthetic voices, or LibriSpeech, which is downloaded unless `folder` names it."""
    folder: str | None = None
    """Folder in which LibriSpeech is already (the one with SPEAKERS.TXT)."""
    subsets: tuple[CorpusName, ...] = ("train-clean-100", "dev-clean")
    """Subsets of LibriSpeech to use."""
    speakers: int = Field(16, ge=3, le=144)
    """Synthetic speakers, women and men in turn."""
    utterances: int = Field(24, ge=1)
    """Utterances of each synthetic speaker."""
    sentences: int = Field(1, ge=1, le=10)
    """Sentences in each synthetic utterance, of 2 to 8 seconds each."""
    shortest: float = Field(2.0, ge=0)
    """Utterances shorter than this are left out, in seconds."""
    validation: float = Field(0.2, gt=0, lt=0.5)
    """Share of speakers for every choice that is made on data."""
    test: float = Field(0.25, gt=0, lt=0.5)
    """Share of speakers that only the reported numbers see."""
    decode: bool = True
    """Whether every file is decoded to its end to find damaged ones; the header is always read."""

    def root(self, results: Path, downloads: Path) -> Path:
        """Folder that holds SPEAKERS.TXT and the subsets."""
        if self.corpus == "synthetic":
            return results / "world" / "speech" / "LibriSpeech"
        return Path(self.folder).expanduser() if self.folder else downloads / "corpora" / "LibriSpeech"

    def files(self, results: Path, downloads: Path) -> list[str]:
        """Files that stand for the whole corpus: they are written last."""
        root = self.root(results, downloads)
        if self.corpus == "librispeech" and not self.folder:
            return [str(root / subset / "fetched.json") for subset in self.subsets]
        return [str(root / "SPEAKERS.TXT")]
