"""Where the course of a training goes: always into a table, and to Weights & Biases where that is asked for."""

import os
from collections.abc import MutableSequence
from importlib import import_module
from types import TracebackType
from typing import Any, Literal

from sonoscope.errors import SonoscopeError


class Tracker:
    """Keeps the losses of every epoch; use as a context manager.

    Parameters
    ----------
    kind : {"none", "wandb"}
        With wandb, runs are also logged there, offline unless WANDB_MODE says otherwise.
    model, fold, seed
        Which training this is.
    rows : list
        Gets one line per epoch.
    """

    def __init__(
        self, kind: Literal["none", "wandb"], model: str, fold: int, seed: int, rows: MutableSequence[dict[str, Any]]
    ) -> None:
        self._who: dict[str, Any] = {"model": model, "fold": fold, "seed": seed}
        self._rows = rows
        self._run: Any = None
        if kind == "wandb":
            try:
                wandb = import_module("wandb")
            except ImportError:
                raise SonoscopeError(
                    "affect.training.tracker: wandb is not installed; pip install wandb, or set it to none"
                ) from None
            self._run = wandb.init(
                project="sonoscope-affect",
                group=model,
                name=f"{model}, fold {fold}, seed {seed}",
                mode=os.environ.get("WANDB_MODE", "offline"),
                config=dict(self._who),
            )

    def note(self, epoch: int, training: float, validation: float) -> None:
        """Keep one epoch."""
        losses = {"training_loss": training, "validation_loss": validation}
        self._rows.append({**self._who, "epoch": epoch, **losses})
        if self._run is not None:
            self._run.log(losses, step=epoch)

    def __enter__(self) -> "Tracker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._run is not None:
            self._run.finish()
