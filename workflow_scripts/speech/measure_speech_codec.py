"""What the shipped speech codec loses of speakers that it never heard, beside principal components."""

from pathlib import Path

from sonoscope import scorecard as card
from sonoscope.codecs.mel_pca import MelPca
from sonoscope.codecs.speech_vae import SpeechVae
from sonoscope.contracts import write_json
from sonoscope.contracts.speech import UTTERANCES
from sonoscope.corpora.speech import folder_of
from sonoscope.job import run
from sonoscope.train.speech import clips, compare, latent_space, scorecard_rows, spectra_of


def main(
    codec: Path,
    speakers: Path,
    utterances: Path,
    strangers: list[Path],
    stranger_utterances: Path,
    measures: Path,
    scorecard: Path,
    seed: int,
) -> None:
    """Fit the components to what the codec learned from; measure both on the studies' corpus, all of its speakers."""
    vae, table = SpeechVae.load(codec), UTTERANCES.read(utterances)
    components = MelPca.fit(clips(table[table.split == "train"], speakers.parent, vae.sample_rate), vae.dim, vae.mel)
    unheard = UTTERANCES.read(stranger_utterances)
    sides = {"unheard": spectra_of(unheard, folder_of(strangers[0]), vae)}
    for side in ("train", "validation"):
        sides[side] = spectra_of(table[table.split == side], speakers.parent, vae)
    each = {side: compare(vae, components, spectra) for side, spectra in sides.items()}
    spaces = {side: latent_space(vae, spectra) for side, spectra in sides.items()}
    write_json(measures, {side: each[side].mean().to_dict() | spaces[side].as_dict() for side in sides})
    card.write(scorecard, scorecard_rows(each["unheard"], spaces["unheard"], unheard.speaker_id, seed))


if __name__ == "__main__":
    run(main)
