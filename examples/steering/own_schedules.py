"""A schedule of your own: any function of the decode step that gives a number, named as module:function in config."""


def pulses(step: int, period: float = 50.0, share: float = 0.5) -> float:
    """1 in the first ``share`` of every ``period`` decode steps, else 0."""
    return 1.0 if step % period < share * period else 0.0
