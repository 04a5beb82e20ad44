"""What retrained models think of the queries: the counterfactual truth."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.attribution import queries
from sonoscope.attribution.finetune import copy_of_state, load_checkpoint
from sonoscope.attribution.likelihood import language_model, log_likelihood
from sonoscope.attribution.training import Trained
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import MusicGen


def measure(
    model: MusicGen, trained: Sequence[Trained], frame: pd.DataFrame, tokens: Sequence[NDArray[np.int16]]
) -> pd.DataFrame:
    """Mean log-likelihood of the queries under each fine-tune; rows of `sonoscope.contracts.attribution.TRUTH`."""
    base = copy_of_state(language_model(model))
    codes, prompts = queries.clips(frame, tokens)
    rows = []
    with Progress(len(trained), "models") as progress:
        for one in trained:
            if one.checkpoints:
                load_checkpoint(model, base, one.checkpoints[-1])
            else:
                language_model(model).load_state_dict(base)
            values = log_likelihood(model, codes, prompts).tolist()
            about = {k: one.record[k] for k in ("set", "seed")} | {"songs": one.record["songs"]}
            rows += [{**about, "query_id": q, "value": v} for q, v in zip(frame.query_id, values, strict=True)]
            progress.advance()
    language_model(model).load_state_dict(base)
    return pd.DataFrame(rows, columns=["set", "seed", "songs", "query_id", "value"])
