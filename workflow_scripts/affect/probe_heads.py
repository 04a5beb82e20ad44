"""What one edit of mode, tempo, loudness or octave does to the predictions."""

from pathlib import Path
from typing import Any

from sonoscope import scorecard
from sonoscope.affect.bundle import check_musetok, load_bundle
from sonoscope.affect.probes import probe, probe_rows
from sonoscope.contracts.affect import PROBES
from sonoscope.job import run
from sonoscope.musetok.loading import load_musetok
from sonoscope.settings.affect import BarReading
from sonoscope.settings.musetok import Encoding


def main(
    bundles: list[Path], weights: Path, probes: Path, rows: Path, settings: dict[str, Any], seed: int, control_seed: int
) -> None:
    """Probe every kept model; ``control_seed`` is that of the encoder with random weights."""
    musetok, revision = load_musetok(weights)
    models = {p.stem: load_bundle(p) for p in bundles}
    for name, bundle in models.items():
        check_musetok(bundle, Path(name), revision)
    encoding, reading = (
        Encoding.model_validate(settings["musetok.encoding"]),
        BarReading.model_validate(settings["affect.reading"]),
    )
    if not reading.untrained:
        models = {name: b for name, b in models.items() if b.variant.latent != "untrained"}
    table = probe(models, musetok, encoding, reading, settings["affect.evaluation.probes"], seed, control_seed)
    PROBES.write(probes, table)
    scorecard.write(rows, probe_rows(table, ("rule probe_heads",)))


if __name__ == "__main__":
    run(main)
