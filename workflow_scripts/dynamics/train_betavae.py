"""Experiment 5: one variant of the β-VAE, trained on training speakers; the latents of all; what comes back."""

from pathlib import Path
from typing import Any

from sonoscope.codecs.bottleneck import front_end
from sonoscope.contracts import write_json
from sonoscope.contracts.speech import UTTERANCES
from sonoscope.corpora.speech import folder_of
from sonoscope.dynamics.bottlenecks import measure_reconstruction, write_latents
from sonoscope.job import run
from sonoscope.settings.bottlenecks import BetaVae
from sonoscope.train.bottleneck import SpeechCrops, first_utterances, monitors, train_variant


def main(
    codec_file: list[Path], corpus: list[Path], utterances: Path, checkpoint: Path, latents: Path, index: Path,
    recon: Path, health: Path, samples: Path, variant: str, settings: BetaVae, resamples: int, seed: int,
    max_steps: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train ``variant``; write its ``checkpoint``, ``latents`` and ``index``, ``recon`` measures and ``samples``.

    ``health`` says whether the latents are alive; ``max_steps`` is the published option.
    """
    if max_steps is not None:
        settings = settings.model_copy(update={"max_steps": max_steps})
    table, folder = UTTERANCES.read(utterances), folder_of(corpus[0])
    front = front_end(settings.codec, settings.frame_rate, codec_file[0] if codec_file else None)
    crops = {
        split: SpeechCrops(
            first_utterances(table[table.split == split], settings.max_utterances), folder, front.sample_rate,
            settings.segment,
        )
        for split in ("train", "validation")
    }  # fmt: skip
    unfinished = checkpoint.parent.parent / "unfinished.pt"
    vae = train_variant(front, crops["train"], crops["validation"], variant, settings, unfinished, seed)
    vae.save(checkpoint)
    found = write_latents(vae, table, folder, latents, index)
    held_out = crops["validation"].draw(32, crops["validation"].generator(seed))
    write_json(health, found | {"posterior": monitors(vae, held_out)})
    args = (settings.recon_utterances, settings.recon_seconds, samples, settings.samples, resamples, seed)
    write_json(recon, measure_reconstruction(vae, table, folder, *args))
    return {"codec": front.name, "dim": vae.dim, "frame_rate": vae.frame_rate}


if __name__ == "__main__":
    run(main)
