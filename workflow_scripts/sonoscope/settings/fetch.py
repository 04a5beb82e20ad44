"""Settings of the fetching stage: which published models to bring here."""

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
    "musetok",
]
"""Published models that can be fetched by name."""

Layout = Literal["audiocraft", "transformers"]
"""The two forms in which MusicGen is published."""

MODEL_NAMES: tuple[str, ...] = get_args(ModelName)


class Fetch(Section):
    """Published models to bring here; none by default, since the demo runs on the models that are shipped."""

    models: tuple[ModelName, ...] = ()
    """Models to download, by name; what a MusicGen needs besides (text encoder, codec) comes along."""

    folders: dict[ModelName, str] = Field(default_factory=dict)
    """Folders that already hold a model, by its name; they are checked and used in place, nothing is copied."""

    layout: Layout = "audiocraft"
    """Form in which MusicGen is fetched: for audiocraft (half precision), or for transformers."""
