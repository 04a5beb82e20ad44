"""Train the shipped speech codec from nothing."""

from pathlib import Path

from sonoscope.codecs.speech_vae import SpeechVae
from sonoscope.contracts.speech import UTTERANCES
from sonoscope.job import run
from sonoscope.settings.codecs import SpeechCodec
from sonoscope.train.speech import spectra_of, train_speech_codec


def main(speakers: Path, utterances: Path, codec: Path, settings: SpeechCodec, seed: int) -> None:
    """Write the ``codec``; a killed job goes on from its last checkpoint."""
    table, front = UTTERANCES.read(utterances), SpeechVae(settings.geometry)
    training, validation = (
        spectra_of(table[table.split == side], speakers.parent, front) for side in ("train", "validation")
    )
    checkpoint = codec.with_name("checkpoint.pt")
    train_speech_codec(training, validation, settings, checkpoint, seed).save(codec)
    checkpoint.unlink()  # a later run with other settings must not take it for its own


if __name__ == "__main__":
    run(main)
