"""Two short clips from two prompts: the quickest proof that a model loads and makes sound."""

from pathlib import Path
from typing import Any

from sonoscope.audio.features import level
from sonoscope.audio.files import write_audio
from sonoscope.audio.loudness import normalise
from sonoscope.job import run
from sonoscope.musicgen.interface import Sampling
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.hello import Hello
from sonoscope.settings.musicgen import MusicGen


def main(language_model: Path, clips: list[Path], settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """Generate one clip per prompt and write each as WAV."""
    hello, musicgen = Hello.model_validate(settings["hello"]), MusicGen.model_validate(settings["musicgen"])
    model = load_musicgen(language_model, musicgen.name)
    sampling = Sampling(musicgen.top_k, musicgen.temperature, musicgen.guidance)
    seeds = [seed + k for k in range(len(hello.prompts))]
    audio = model.decode(model.generate(hello.prompts, seeds, hello.seconds, sampling)).cpu().numpy()[:, 0]
    for path, clip in zip(clips, audio, strict=True):
        loud = normalise(clip, model.sample_rate, hello.loudness) if hello.loudness is not None else clip
        write_audio(path, loud, model.sample_rate)
    return {"revision": model.revision, "levels": [level(clip)._asdict() for clip in audio]}


if __name__ == "__main__":
    run(main)
