"""Experiment 9: a frozen encoder, a bottleneck and a fine-tuned decoder, trained as a VAE-GAN with distillation."""

from pathlib import Path
from typing import Any

from sonoscope.codecs.bottleneck import CodecFront, front_end
from sonoscope.codecs.neural import CodecError
from sonoscope.codecs.teachers import choose_teacher
from sonoscope.contracts import write_json
from sonoscope.contracts.speech import UTTERANCES
from sonoscope.corpora.speech import folder_of
from sonoscope.device import device
from sonoscope.dynamics.bottlenecks import measure_reconstruction, write_latents
from sonoscope.job import run
from sonoscope.settings.bottlenecks import VaeGan
from sonoscope.train.bottleneck import SpeechCrops
from sonoscope.train.vaegan import train_vaegan


def main(
    codec_file: list[Path], teacher_file: list[Path], corpus: list[Path], utterances: Path, checkpoint: Path,
    latents: Path, index: Path, before: Path, recon: Path, health: Path, samples: Path, settings: VaeGan,
    resamples: int, seed: int, max_steps: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Measure the codec ``before``, train, and write ``checkpoint``, ``latents``, ``recon`` and ``samples``."""
    if max_steps is not None:
        settings = settings.model_copy(update={"max_steps": max_steps})
    table, folder = UTTERANCES.read(utterances), folder_of(corpus[0])
    front = front_end(settings.codec, settings.frame_rate, codec_file[0] if codec_file else None)
    if not isinstance(front, CodecFront):
        raise CodecError(f"dynamics.vaegan.codec: expected a codec with a decoder to train, found {front.name}")
    args = (table, folder, settings.recon_utterances, settings.recon_seconds)
    write_json(before, measure_reconstruction(front.codec, *args, None, 0, resamples, seed))
    crops = {
        split: SpeechCrops(table[table.split == split], folder, front.sample_rate, settings.segment)
        for split in ("train", "validation")
    }
    found_teacher = teacher_file[0].parent if teacher_file else None
    teacher = choose_teacher(settings.teacher, found_teacher, settings.teacher_layer, front.sample_rate, device())
    unfinished = checkpoint.parent.parent / "unfinished.pt"
    vae, history = train_vaegan(front, crops["train"], crops["validation"], settings, teacher, unfinished, seed)
    vae.save(checkpoint)
    found = write_latents(vae, table, folder, latents, index)
    used = teacher.name if teacher else "none"
    write_json(health, found | {"posterior": history[-1], "history": history, "teacher": used, "codec": front.name})
    write_json(recon, measure_reconstruction(vae, *args, samples, settings.samples, resamples, seed))
    return {"codec": front.name, "teacher": used, "dim": vae.dim, "frame_rate": vae.frame_rate}


if __name__ == "__main__":
    run(main)
