"""What is heard in generated clips, by a measure that knows nothing of the model."""

from pathlib import Path

from sonoscope.contracts.steering import CLIPS, SCORES
from sonoscope.job import run
from sonoscope.steering.scoring import score_clips


def main(clips: Path, audio: Path, scores: Path) -> None:
    """Score the audio of ``clips`` against the target of each."""
    SCORES.write(scores, score_clips(CLIPS.read(clips), audio.parent))


if __name__ == "__main__":
    run(main)
