"""How the scores agree with retraining and with the source songs, and the rows of the scorecard."""

from pathlib import Path

import pandas as pd

from sonoscope import scorecard
from sonoscope.attribution.judge import judge_pairs, judge_songs, score_rows
from sonoscope.attribution.kinds import HELD_OUT, MANY
from sonoscope.contracts import read_json
from sonoscope.contracts.attribution import JUDGEMENT, QUERIES, SCORES, TRUTH
from sonoscope.job import run
from sonoscope.settings.attribution import Attribution


def main(
    scores: Path, pair_scores: Path, values: Path, clips: Path, of_songs: Path, speed: Path,
    judgement: Path, rows: Path, settings: Attribution, seed: int,
) -> None:  # fmt: skip
    """Write the table of ``judgement`` and the scorecard ``rows``."""
    asked, truth = QUERIES.read(clips), TRUTH.read(values)
    found = judge_songs(SCORES.read(scores), asked[asked.kind.isin(MANY)], truth, settings, seed)
    of_pair = SCORES.read(pair_scores)
    for number, pair in enumerate(read_json(of_songs)["pairs"][: settings.counterfactuals.pairs]):
        mine = asked[asked.kind.isin([f"pair-{number}", f"pair-{number}-{HELD_OUT}"])]
        found += judge_pairs(of_pair[of_pair.query_id.isin(mine.query_id)], mine, truth, number, (pair[0], pair[1]))
    table = pd.DataFrame(found)
    JUDGEMENT.write(judgement, table)
    sources = ("judge_attribution", "attribution/score_attribution", "attribution/measure_counterfactuals")
    scorecard.write(rows, score_rows(table, settings, sources) + scorecard.read(speed))


if __name__ == "__main__":
    run(main)
