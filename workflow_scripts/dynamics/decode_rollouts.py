"""Experiment 7: rollouts of experiment 1 decoded between true frames, with controls and a blind listening test."""

from pathlib import Path

from sonoscope import scorecard
from sonoscope.codecs.loading import load_codec
from sonoscope.contracts import write_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics import experiment7
from sonoscope.dynamics.ensembles import Ensemble
from sonoscope.dynamics.listening import write_page
from sonoscope.dynamics.rollout_audio import manifest, places, render
from sonoscope.dynamics.store import open_parts
from sonoscope.job import run
from sonoscope.settings.bottlenecks import Perceptual


def main(
    codec_file: Path, latents: list[Path], index: list[Path], frames: Path, statistics: Path, checkpoints: Path,
    audio: Path, listing: Path, scores: Path, summary: Path, listen: Path, rows: Path, codec: str,
    settings: Perceptual, horizon: int, resamples: int, seed: int,
) -> None:  # fmt: skip
    """Write the clips with their ``listing`` (manifest.json), ``scores``, ``summary``, the page, and ``rows``."""
    part = open_parts(latents, frames, statistics)[0]
    files = {name: checkpoints / f"{name}_k{horizon}_final.safetensors" for name in settings.models}
    models: dict[str, Ensemble] = {name: Ensemble.load(file) for name, file in files.items() if file.is_file()}
    longest = max(settings.lengths)
    size = (settings.n_utterances, settings.starts, settings.max_frames, part.window, horizon, longest)
    found = places(latents, index, *size)
    model = load_codec(codec_file, codec)
    table, trials = render(
        model, found, experiment7.rollouts_of(models, settings), settings.lengths, part.mean, part.window, horizon,
        settings.margin, audio, settings.sample_rate, seed,
    )  # fmt: skip
    write_json(listing, manifest(table))
    write_csv(scores, table)
    means = experiment7.by_length(table, resamples, seed)
    write_csv(summary, means)
    write_page(listen, experiment7.TITLE, trials, model.sample_rate, seed)
    scorecard.write(rows, experiment7.scorecard_rows(means, next(iter(models))))


if __name__ == "__main__":
    run(main)
