"""Two clips, and what the model's residual stream held while it made them: the first script of a new user.

python examples/first_activations.py
python examples/first_activations.py --model downloads/models/musicgen-large/state_dict.bin --layers 0,6,12,18,24
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from sonoscope.audio.files import write_audio  # noqa: E402
from sonoscope.interpretability.extractor import ActivationExtractor  # noqa: E402
from sonoscope.musicgen.loading import load_musicgen  # noqa: E402


def main() -> None:
    """Generate, show the shapes of what was captured, save both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shipped = ROOT / "resources/models/sonoscope-musicgen/state_dict.bin"
    parser.add_argument("--model", type=Path, default=shipped, help="state_dict.bin or config.json of a MusicGen")
    parser.add_argument("--layers", default="auto5", help="all, auto5, or numbers such as 0,6,12")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--out", type=Path, default=Path("results/first_activations"))
    given = parser.parse_args()
    model = load_musicgen(given.model, given.model.parent.name)
    extractor = ActivationExtractor(model, layers=given.layers)
    prompts = ["happy energetic music", "sad gloomy music"]
    audio = extractor.generate(prompts, seconds=given.seconds)
    for name, states in extractor.get_activations().items():
        sys.stdout.write(f"{name}: clips, frames, width {tuple(states.shape)}\n")
    extractor.save_activations(given.out / "first_activations.safetensors")
    for prompt, clip in zip(prompts, audio[:, 0].cpu().numpy(), strict=True):
        write_audio(given.out / f"{prompt.replace(' ', '_')}.flac", clip, model.sample_rate)


if __name__ == "__main__":
    main()
