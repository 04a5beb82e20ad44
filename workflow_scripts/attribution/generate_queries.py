"""Clips whose training songs are asked for: generated with captions and without, and real ones that were held out."""

from pathlib import Path
from typing import Any

from sonoscope.attribution.query_shares import generate_share, merge_shares
from sonoscope.job import run


def main(
    songs: Path, language_model: Path, of_songs: Path, of_pairs: Path, parts: list[Path], clips: Path, tokens: Path,
    audio: Path, model: str, folder: str, settings: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Write the table of ``clips``, their ``tokens``, and FLAC files into ``audio``.

    Where they were made in shares, ``parts`` are the tables of these, and nothing is left but to merge them.
    """
    if parts:
        return {"clips": merge_shares([part.parent for part in parts], clips, tokens, audio)}
    made = generate_share(
        songs, language_model, of_songs, of_pairs, clips, tokens, audio, model, folder, settings, 0, 1
    )
    return {"clips": made}


if __name__ == "__main__":
    run(main)
