"""Train the shipped speech codec from nothing, and measure it on speakers that it never heard."""

from pathlib import Path

from sonoscope import scorecard as card
from sonoscope.codecs.speech_vae import SpeechVae
from sonoscope.contracts import write_json
from sonoscope.contracts.speech import UTTERANCES
from sonoscope.corpora.speech import folder_of
from sonoscope.job import run
from sonoscope.settings.codecs import SpeechCodec
from sonoscope.train.speech import measures_by_split, scorecard_rows, spectra_of, train_speech_codec


def main(
    corpus: list[Path],
    utterances: Path,
    codec: Path,
    measures: Path,
    scorecard: Path,
    settings: SpeechCodec,
    seed: int,
) -> dict[str, str]:
    """Write the ``codec`` and what it loses on the speakers of each split."""
    table, folder = UTTERANCES.read(utterances), folder_of(corpus[0])
    front = SpeechVae(settings.geometry)
    spectra = {str(name): spectra_of(rows, folder, front) for name, rows in table.groupby("split")}
    trained = train_speech_codec(
        spectra["train"], spectra["validation"], settings, codec.with_name("checkpoint.pt"), seed
    )
    trained.save(codec)
    found = measures_by_split(trained, spectra)
    write_json(measures, found)
    card.write(scorecard, scorecard_rows(found["test"], len(spectra["test"])))
    return {"corpus": folder.name}


if __name__ == "__main__":
    run(main)
