"""A picture of states in two dimensions. It illustrates; nothing is measured in it."""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.errors import SonoscopeError

Method = Literal["tsne", "umap"]


def states_map(
    states: NDArray[np.float32], clips: pd.DataFrame, method: Method, seed: int, neighbours: int = 15
) -> pd.DataFrame:
    """Places of clips by their states ``(n, dim)``; see `sonoscope.contracts.interpretability.EMBEDDING`.

    t-SNE is scikit-learn's. UMAP needs umap-learn, which is no dependency: it compiles for more than a minute before
    its first picture.

    Raises
    ------
    SonoscopeError
        umap was asked for and is not installed.
    """
    x = np.asarray(states, dtype=np.float64)
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)
    near = min(neighbours, max(2, (len(x) - 1) // 3))
    if method == "umap":
        try:
            import umap
        except ImportError:
            raise SonoscopeError(
                "interpretability.probing.picture: umap needs the package umap-learn; "
                "`pip install umap-learn`, or choose tsne"
            ) from None
        found = umap.UMAP(n_neighbors=near, min_dist=0.1, random_state=seed, n_jobs=1).fit_transform(x)
    else:
        from sklearn.manifold import TSNE

        found = TSNE(perplexity=near, init="pca", random_state=seed).fit_transform(x)
    return pd.DataFrame(
        {"clip_id": clips["clip_id"].to_numpy(), "emotion": clips["emotion"].to_numpy(), "x": found[:, 0].astype(float),
         "y": found[:, 1].astype(float)}
    )  # fmt: skip
