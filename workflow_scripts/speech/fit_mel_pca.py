"""Fit the deterministic speech codec on the training speakers."""

from pathlib import Path

from sonoscope.codecs.mel import LogMel
from sonoscope.codecs.mel_pca import MelPca
from sonoscope.contracts.speech import UTTERANCES
from sonoscope.corpora.speech import folder_of
from sonoscope.job import run
from sonoscope.settings.codecs import MelPcaCodec
from sonoscope.train.speech import clips


def main(corpus: list[Path], utterances: Path, codecs: list[Path], settings: MelPcaCodec) -> dict[str, float]:
    """Fit once with the most components; each of ``codecs`` keeps as many as its settings say."""
    table = UTTERANCES.read(utterances)
    training = table[table.split == "train"]
    codec = MelPca.fit(clips(training, folder_of(corpus[0]), LogMel().sample_rate), max(settings.dims))
    kept = {}
    for path, dim in zip(codecs, settings.dims, strict=True):
        smaller = codec.truncated(dim)
        smaller.save(path)
        kept[smaller.name] = smaller.kept_variance
    return kept


if __name__ == "__main__":
    run(main)
