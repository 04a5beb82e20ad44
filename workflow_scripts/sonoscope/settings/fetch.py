"""Settings of the fetching stage: which published models and corpora to bring here."""

from typing import Literal, get_args

from pydantic import Field

from sonoscope.settings.base import Section

ModelName = Literal[
    "musicgen-small",
    "musicgen-medium",
    "musicgen-large",
    "musicgen-melody",
    "musicgen-melody-large",
    "musicgen-stereo-small",
    "musicgen-stereo-medium",
    "musicgen-stereo-large",
    "musicgen-stereo-melody",
    "musicgen-stereo-melody-large",
    "musicgen-style",
    "encodec_32khz",
    "encodec_24khz",
    "mimi",
    "t5-base",
    "clap",
    "wavlm-base-plus",
    "musetok",
]
"""Published models that can be fetched by name."""

CorpusName = Literal[
    "dev-clean",
    "dev-other",
    "test-clean",
    "test-other",
    "train-clean-100",
    "train-clean-360",
    "train-other-500",
]
"""Subsets of LibriSpeech that can be fetched by name."""

Layout = Literal["audiocraft", "transformers"]
"""The two forms in which MusicGen is published."""

MODEL_NAMES: tuple[ModelName, ...] = get_args(ModelName)
CORPUS_NAMES: tuple[CorpusName, ...] = get_args(CorpusName)


class FetchModel(Section):
    """What the fetching of one model depends on, and nothing else, so that it is not done again for another's sake."""

    layout: Layout
    """Form in which a MusicGen is fetched."""

    folder: str | None = None
    """Folder that holds the model already; null to download it."""


class Fetch(Section):
    """Published models and corpora to bring here; none by default, since the demo runs on what is shipped."""

    models: tuple[ModelName, ...] = ()
    """Models to download, by name; what a MusicGen needs besides (text encoder, codec) comes along."""

    folders: dict[ModelName, str] = Field(default_factory=dict)
    """Folders that already hold a model, by its name; they are checked and used in place, nothing is copied."""

    corpora: tuple[CorpusName, ...] = ()
    """Subsets of LibriSpeech to download, by name; 0.3 to 30 GB each."""

    layout: Layout = "audiocraft"
    """Form in which MusicGen is fetched: for audiocraft (half precision), or for transformers."""

    def of(self, name: ModelName) -> FetchModel:
        """Pick what concerns the model ``name``; the layout only concerns a MusicGen."""
        layout = self.layout if name.startswith("musicgen-") else "transformers"
        return FetchModel(layout=layout, folder=self.folders.get(name))
