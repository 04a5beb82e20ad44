"""Power of the two-sided two-sample t test with equal groups."""

from scipy.optimize import brentq
from scipy.stats import t as student

from sonoscope.statistics.errors import StatisticsError
from sonoscope.statistics.noncentral import noncentral_t_cdf


def power_two_sample(effect: float, n_per_group: int, alpha: float = 0.05) -> float:
    """Chance to reject at level ``alpha`` when the true Cohen's d is ``effect``.

    Raises
    ------
    StatisticsError
        Fewer than two per group, or ``alpha`` outside (0, 1).
    """
    if n_per_group < 2 or not 0 < alpha < 1:
        raise StatisticsError(f"power: expected n_per_group >= 2 and 0 < alpha < 1, found {n_per_group} and {alpha}")
    freedom = 2 * n_per_group - 2
    critical = float(student.ppf(1 - alpha / 2, freedom))
    shift = effect * (n_per_group / 2) ** 0.5
    return 1 - noncentral_t_cdf(critical, freedom, shift) + noncentral_t_cdf(-critical, freedom, shift)


def minimal_detectable_effect(n_per_group: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """Smallest Cohen's d found with the given power."""
    return float(brentq(lambda effect: power_two_sample(effect, n_per_group, alpha) - power, 1e-6, 30.0))


def sample_size(effect: float, power: float = 0.8, alpha: float = 0.05, largest: int = 100_000) -> int:
    """Smallest number per group that finds ``effect`` with the given power.

    Raises
    ------
    StatisticsError
        More than ``largest`` would be needed.
    """
    low, high = 1, 2
    while power_two_sample(effect, high, alpha) < power:
        low, high = high, 2 * high
        if low > largest:
            raise StatisticsError(f"power: an effect of {effect} needs more than {largest} per group")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_two_sample(effect, middle, alpha) >= power else (middle, high)
    return high
