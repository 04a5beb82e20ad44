"""A MusicGen folder in audiocraft's layout, written again in transformers' layout: same weights, same results."""

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path

from omegaconf import OmegaConf
from torch import Tensor, nn
from transformers import (
    EncodecModel,
    GenerationConfig,
    MusicgenConfig,
    MusicgenForCausalLM,
    MusicgenForConditionalGeneration,
    T5EncoderModel,
    T5Tokenizer,
)

from sonoscope.musicgen.audiocraft_backend import read_folder
from sonoscope.musicgen.checkpoint import read_package
from sonoscope.musicgen.codec_conversion import codec_state, encodec_config
from sonoscope.musicgen.lm_conversion import ConversionError, decoder_config, language_model_state

log = logging.getLogger(__name__)

CONFIG = "config.json"
"""The file by which a folder in transformers' layout is known; written last."""


def convert_folder(source: Path, destination: Path) -> None:
    """Write the model of an audiocraft folder as ``MusicgenForConditionalGeneration.from_pretrained`` reads it.

    Raises
    ------
    ConversionError
        transformers cannot express the model, or a weight has another shape than the configuration says.
    """
    model, tokenizer = converted(source)
    destination.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".converting-", dir=destination) as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        files = sorted(Path(temporary).iterdir(), key=lambda file: file.name == CONFIG)
        for file in files:
            file.replace(destination / file.name)
    log.info("%s: %d files in transformers' layout", destination, len(files))


def converted(source: Path) -> tuple[MusicgenForConditionalGeneration, T5Tokenizer]:
    """The model of an audiocraft folder as transformers' module, with its tokenizer; see `convert_folder`."""
    lm_file, codec_file = read_folder(source)
    package = read_package(lm_file)
    config = OmegaConf.create(package["xp.cfg"])
    text = _text_folder(source, config.conditioners.description.t5.name)
    text_encoder, tokenizer = T5EncoderModel.from_pretrained(text), T5Tokenizer.from_pretrained(text)
    decoder = MusicgenForCausalLM(decoder_config(config))
    if text_encoder.config.hidden_size == decoder.config.hidden_size:
        raise ConversionError(
            f"{lm_file}: text and audio states are both {decoder.config.hidden_size} wide, where transformers leaves "
            "out the projection between them; use backend audiocraft"
        )
    codec = _codec(codec_file)
    model = MusicgenForConditionalGeneration(
        MusicgenConfig(text_encoder=text_encoder.config, audio_encoder=codec.config, decoder=decoder.config),
        text_encoder=text_encoder, audio_encoder=codec, decoder=decoder,
    )  # fmt: skip
    weights, projection = language_model_state(package["best_state"])
    load_checked(model.decoder, weights, str(lm_file))
    load_checked(model.enc_to_dec_proj, projection, str(lm_file))
    special, frames = decoder.config.vocab_size, config.dataset.segment_duration * codec.config.frame_rate
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        guidance_scale=float(config.classifier_free_guidance.inference_coef),
        max_length=int(frames), do_sample=True, top_k=250,
        pad_token_id=special, bos_token_id=special, decoder_start_token_id=special,
    )  # fmt: skip
    model.train(False)
    return model, tokenizer


def _codec(file: Path) -> EncodecModel:
    package = read_package(file)
    if "pretrained" in package:  # published folders only name their codec
        return EncodecModel.from_pretrained(package["pretrained"])
    config = OmegaConf.create(package["xp.cfg"])
    codec = EncodecModel(encodec_config(config))
    load_checked(codec, codec_state(package["best_state"], config), str(file))
    return codec


def load_checked(module: nn.Module, state: Mapping[str, Tensor], file: str) -> None:
    """Load ``state`` into ``module``, all of it and nothing else.

    Raises
    ------
    ConversionError
        A weight is missing, left over, or of another shape; the message names it.
    """
    expected = module.state_dict()
    missing, left = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing or left:
        raise ConversionError(
            f"{file}: expected weights that are not there ({', '.join(missing[:3]) or 'none'}), "
            f"found weights with no place ({', '.join(left[:3]) or 'none'})"
        )
    for name, value in state.items():
        if value.shape != expected[name].shape:
            wanted, found = tuple(expected[name].shape), tuple(value.shape)
            raise ConversionError(f"{file}: expected shape {wanted} for {name}, found {found}")
    module.load_state_dict(dict(state))


def _text_folder(source: Path, name: str) -> str:
    """The text encoder beside the weights, or the published name."""
    local = source / "text_encoder"
    return str(local) if local.is_dir() else name
