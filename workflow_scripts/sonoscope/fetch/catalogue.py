"""The published models that can be fetched by name: where they are, which of their files are wanted, how large.

Sizes are approximate (parameters times bytes per parameter) and only serve to speak of them before the server is asked.
Revisions are branches: their publishers tag no releases. The commit that a branch stood at is recorded with the files.
"""

from dataclasses import dataclass

from sonoscope.fetch.errors import FetchError
from sonoscope.settings.fetch import Fetch, Layout, ModelName


@dataclass(frozen=True)
class Wanted:
    """Which files of a repository are wanted, by shell patterns.

    ``required`` must each match at least one file; of ``weights`` the first group that matches is taken (one file or
    its shards); ``optional`` are taken where they exist.
    """

    required: tuple[str, ...]
    weights: tuple[tuple[str, ...], ...] = ()
    optional: tuple[str, ...] = ()


@dataclass(frozen=True)
class HubModel:
    """A model on a hub with the layout of huggingface.co."""

    repo: str
    wanted: Wanted
    gigabytes: float
    """Approximate, in 10⁹ bytes."""
    about: str
    revision: str = "main"
    aliases: tuple[str, ...] = ()
    """Other names under which libraries ask for this repository."""
    needs: tuple[ModelName, ...] = ()
    """Models that this one loads by name."""
    layout: str = "transformers"
    """The form of its files."""

    @property
    def origin(self) -> str:
        """What the record names as its origin."""
        return self.repo


@dataclass(frozen=True)
class DriveModel:
    """A model in a zip archive on Google Drive."""

    file_id: str
    archive: str
    members: tuple[str, ...]
    """Members that are unpacked, each by the end of its path."""
    gigabytes: float
    about: str
    needs: tuple[ModelName, ...] = ()
    layout: str = "archive"

    @property
    def origin(self) -> str:
        """What the record names as its origin."""
        return self.file_id


Model = HubModel | DriveModel

_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "spiece.model")
_SAFETENSORS = ("model*.safetensors", "model.safetensors.index.json")
_TORCH = ("pytorch_model*.bin", "pytorch_model.bin.index.json")
_AUDIOCRAFT = Wanted(required=("state_dict.bin", "compression_state_dict.bin"), optional=("README.md",))
_TRANSFORMERS = Wanted(
    required=("config.json",),
    weights=(_SAFETENSORS, _TORCH),
    optional=("generation_config.json", "preprocessor_config.json", *_TOKENIZER, "README.md"),
)
_CLAP = Wanted(
    required=("config.json", "preprocessor_config.json"),
    weights=(_SAFETENSORS, _TORCH),
    optional=(*_TOKENIZER, "vocab.json", "merges.txt", "README.md"),
)
_CODEC_BYTES, _T5_BYTES = 0.24, 0.9

# Parameters of the language model in 10⁹ (sonoscope.doctor.memory derives them)
_MUSICGEN: dict[ModelName, tuple[float, str]] = {
    "musicgen-small": (0.42, "text to music, mono"),
    "musicgen-medium": (1.84, "text to music, mono"),
    "musicgen-large": (3.26, "text to music, mono"),
    "musicgen-melody": (1.39, "text and melody to music, mono"),
    "musicgen-melody-large": (2.46, "text and melody to music, mono"),
    "musicgen-stereo-small": (0.44, "text to music, stereo"),
    "musicgen-stereo-medium": (1.86, "text to music, stereo"),
    "musicgen-stereo-large": (3.29, "text to music, stereo"),
    "musicgen-stereo-melody": (1.41, "text and melody to music, stereo"),
    "musicgen-stereo-melody-large": (2.49, "text and melody to music, stereo"),
    "musicgen-style": (1.4, "text and style to music, mono; loads with audiocraft 1.4 or later"),
}

_OTHERS: dict[ModelName, Model] = {
    "encodec_32khz": HubModel("facebook/encodec_32khz", _TRANSFORMERS, _CODEC_BYTES, "MusicGen's codec, 50 Hz"),
    "encodec_24khz": HubModel("facebook/encodec_24khz", _TRANSFORMERS, 0.1, "EnCodec for speech and music, 75 Hz"),
    "mimi": HubModel("kyutai/mimi", _TRANSFORMERS, 0.4, "speech codec, 24 kHz, 12.5 Hz"),
    "t5-base": HubModel("google-t5/t5-base", _TRANSFORMERS, _T5_BYTES, "MusicGen's text encoder", aliases=("t5-base",)),
    "clap": HubModel("laion/larger_clap_music", _CLAP, 0.8, "embeds music and texts in one space, 48 kHz"),
    "wavlm-base-plus": HubModel(
        "microsoft/wavlm-base-plus", _TRANSFORMERS, 0.38, "self-supervised speech model, 16 kHz"
    ),
    "musetok": DriveModel(
        file_id="1HK534lEVdHYl3HMRkKvz8CWYliXRmOq_",
        archive="musetok.zip",
        members=("ckpt/best_tokenizer/model.pt",),
        gigabytes=2.0,
        about="bar-wise tokens of symbolic music (Huang et al. 2026); published without a licence",
    ),
}


def model(name: ModelName, layout: Layout = "audiocraft") -> Model:
    """Return what is known of the model ``name``; for a MusicGen this depends on the ``layout``.

    Raises
    ------
    FetchError
        There is no such model.
    """
    if name in _MUSICGEN:
        return _musicgen(name, layout)
    if name in _OTHERS:
        return _OTHERS[name]
    raise FetchError(f"no model is called {name!r}; known are {', '.join([*_MUSICGEN, *_OTHERS])}")


def _musicgen(name: ModelName, layout: Layout) -> HubModel:
    billions, about = _MUSICGEN[name]
    if layout == "transformers":  # one file with text encoder and codec in it, in single precision
        gigabytes = 4 * billions + _T5_BYTES / 2 + _CODEC_BYTES
        return HubModel(f"facebook/{name}", _TRANSFORMERS, gigabytes, about)
    # compression_state_dict.bin may hold no more than the name of the codec
    needs: tuple[ModelName, ...] = ("t5-base", "encodec_32khz")
    gigabytes = 2 * billions + _CODEC_BYTES
    return HubModel(f"facebook/{name}", _AUDIOCRAFT, gigabytes, about, needs=needs, layout="audiocraft")


def requested(fetch: Fetch) -> tuple[ModelName, ...]:
    """List the models that the settings ask for, and what these need, each once."""
    return with_needs(tuple(dict.fromkeys((*fetch.models, *fetch.folders))), fetch.layout)


def with_needs(names: tuple[ModelName, ...], layout: Layout = "audiocraft") -> tuple[ModelName, ...]:
    """``names`` and what they need, each once, needs first."""
    found: dict[ModelName, None] = {}
    for name in names:
        found |= dict.fromkeys((*model(name, layout).needs, name))
    return tuple(found)
