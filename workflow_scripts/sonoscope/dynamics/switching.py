"""Steps that point along one of a few archetypes, chosen by a hidden Markov chain."""

import math
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from sonoscope.dynamics.processes import Optimum
from sonoscope.dynamics.vmf import VonMisesFisher, log_normaliser, mean_resultant_length
from sonoscope.dynamics.walks import Magnitude, last_step, split


@dataclass(frozen=True)
class SwitchingDirections:
    """x_t = x_{t-1} + m_t d_t, d_t ~ vMF(c_z, κ), where z = z_t follows a Markov chain over K archetypes c.

    With well separated archetypes one step shows the state, and the optimum is in closed form: the direction's entropy
    is that of the next state plus that of one von Mises-Fisher law. `overlap` bounds what this leaves out. The density
    itself (`log_prob`) makes no such assumption: it weighs the states that the last step leaves possible.

    Parameters
    ----------
    archetypes : Tensor [K, D]
        Unit vectors.
    transitions : Tensor [K, K]
        Row i: the law of z_t where z_{t-1} = i.
    concentration : float
        κ of every archetype.
    """

    archetypes: Tensor
    transitions: Tensor
    concentration: float = 80.0
    magnitude: Magnitude = field(default=Magnitude())
    name: str = "switching"

    def __post_init__(self) -> None:
        if not torch.allclose(self.transitions.sum(1), torch.ones(len(self.archetypes), dtype=torch.float64)):
            raise ValueError("expected transition probabilities that sum to 1 in each row")

    @property
    def dim(self) -> int:
        """Dimensions of a frame."""
        return self.archetypes.shape[-1]

    @property
    def memory(self) -> int:
        """Two frames give the last step, which shows the state."""
        return 2

    def sample(self, sequences: int, frames: int, generator: torch.Generator) -> Tensor:
        """Draw walks [N, T, D]."""
        return self.sample_with_states(sequences, frames, generator)[0]

    def sample_with_states(self, sequences: int, frames: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw walks [N, T, D] and the hidden states [N, T] of their steps."""
        state = torch.multinomial(self.stationary, sequences, replacement=True, generator=generator)
        states = []
        for _ in range(frames):
            states.append(state)
            state = torch.multinomial(self.transitions[state], 1, generator=generator)[:, 0]
        z = torch.stack(states, 1)
        kappa = torch.full(z.shape, self.concentration, dtype=torch.float64)
        directions = VonMisesFisher(self.archetypes[z], kappa).sample(1, generator)[0]
        lengths = self.magnitude.sample(sequences, frames, generator).exp()
        return (directions * lengths[..., None]).cumsum(1), z

    def optimum(self, horizon: int) -> Optimum:
        """Exact up to `overlap`."""
        ahead = torch.linalg.matrix_power(self.transitions, horizon)
        within = float(VonMisesFisher(self.archetypes[0], torch.tensor(self.concentration)).entropy())
        jacobian = (self.dim - 1) * self.magnitude.mean
        means = self._resultant * ahead @ self.archetypes
        return Optimum(
            horizon,
            nll=float(self.stationary @ _entropy(ahead)) + within + self.magnitude.nll(horizon) + jacobian,
            unconditional_nll=float(_entropy(self.stationary)) + within + self.magnitude.nll(None) + jacobian,
            delta_r2=self._delta_r2(means, horizon),
            cosine=self._cosine(means, ahead),
            top1=float(self.stationary @ ahead.max(1).values),
        )

    @cached_property
    def overlap(self) -> float:
        """Bound on the probability that a step shows another state than its own (Bhattacharyya), over all pairs."""
        cosines = self.archetypes @ self.archetypes.T
        kappa = torch.tensor(self.concentration, dtype=torch.float64)
        halves = kappa * torch.sqrt((1 + cosines).clamp(min=0) / 2)
        affinity = torch.exp(log_normaliser(kappa, self.dim) - log_normaliser(halves, self.dim))
        return float((affinity - torch.diag(affinity.diagonal())).sum(1).max())

    @cached_property
    def stationary(self) -> Tensor:
        """Law of the hidden state, [K]."""
        values, vectors = torch.linalg.eig(self.transitions.T)
        leading = vectors[:, int((values - 1).abs().argmin())].real
        law: Tensor = leading / leading.sum()
        return law

    def log_prob(self, contexts: Tensor, deltas: Tensor, horizon: int) -> Tensor:
        """Log-density of ``deltas`` given the last step of the context; [n]."""
        past, past_length = last_step(contexts)
        direction, length = split(deltas)
        ahead = self.states(past) @ torch.linalg.matrix_power(self.transitions, horizon)
        mixture = torch.logsumexp(self._emissions(direction) + ahead.clamp(min=1e-300).log(), 1)
        return mixture + self.magnitude.log_prob(length, past_length, horizon) - (self.dim - 1) * length

    def predict(self, contexts: Tensor, horizon: int) -> Tensor:
        """Conditional mean of Δ; [n, D]."""
        past, past_length = last_step(contexts)
        ahead = self.states(past) @ torch.linalg.matrix_power(self.transitions, horizon)
        mean: Tensor = (
            self._resultant * self.magnitude.mean_of(past_length, horizon)[:, None] * (ahead @ self.archetypes)
        )
        return mean

    def states(self, directions: Tensor) -> Tensor:
        """Probability of each state given one direction each, [n, K]."""
        return torch.softmax(self._emissions(directions) + self.stationary.log(), 1)

    @cached_property
    def _resultant(self) -> float:
        return float(mean_resultant_length(torch.tensor(self.concentration, dtype=torch.float64), self.dim))

    def _emissions(self, directions: Tensor) -> Tensor:
        constant = float(log_normaliser(torch.tensor(self.concentration, dtype=torch.float64), self.dim))
        return constant + self.concentration * directions @ self.archetypes.T

    def _delta_r2(self, means: Tensor, horizon: int) -> float:
        """Variance explained: E|E[Δ|past]|² against E|Δ|², both less |E Δ|²."""
        m = self.magnitude
        second = math.exp(2 * m.mean + 2 * m.deviation**2)
        overall = math.exp(m.mean + m.deviation**2 / 2) * self._resultant * self.stationary @ self.archetypes
        explained = second * m.explained(horizon) * self.stationary @ means.square().sum(1)
        return float((explained - overall.square().sum()) / (second - overall.square().sum()))

    def _cosine(self, means: Tensor, ahead: Tensor) -> float:
        """Expected cosine of the conditional mean to Δ, over the state seen and the state that follows."""
        unit = torch.nn.functional.normalize(means, dim=-1)
        return float(self._resultant * (self.stationary[:, None] * ahead * (unit @ self.archetypes.T)).sum())


def switching_directions(dim: int, states: int, generator: torch.Generator, stay: float = 0.8) -> SwitchingDirections:
    """Orthogonal archetypes in ``dim`` ≥ ``states`` dimensions; a state stays with probability ``stay``.

    The other states are not equally likely, so that the chain's powers are worth predicting.
    """
    if states > dim:
        raise ValueError(f"expected at most {dim} orthogonal archetypes, found {states}")
    archetypes = torch.linalg.qr(torch.randn(dim, states, generator=generator, dtype=torch.float64)).Q.T
    weights = torch.rand(states, states, generator=generator, dtype=torch.float64) + 0.1
    weights.fill_diagonal_(0)
    transitions = (1 - stay) * weights / weights.sum(1, keepdim=True)
    return SwitchingDirections(archetypes.contiguous(), transitions + stay * torch.eye(states, dtype=torch.float64))


def _entropy(probabilities: Tensor) -> Tensor:
    entropy: Tensor = -torch.special.xlogy(probabilities, probabilities).sum(-1)
    return entropy
