import pytest
import torch
from scipy import stats

from sonoscope.musicgen.interface import Sampling
from sonoscope.musicgen.sampling import TokenSampler


def test_draws_follow_the_softmax():
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0], dtype=torch.float64).log_softmax(0)
    sampler = TokenSampler(Sampling(top_k=0), [1], 1, 4)
    drawn = torch.cat([sampler(logits[None, None]) for _ in range(4000)])
    counts = torch.bincount(drawn[:, 0], minlength=4)
    assert stats.chisquare(counts.numpy(), (logits.exp() * 4000).numpy()).pvalue > 1e-3


@pytest.mark.parametrize("top_k", [5, 25, 45])
def test_top_k_never_draws_another(top_k):
    logits = torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(0))
    sampler = TokenSampler(Sampling(top_k=top_k), [1, 2], 3, 50)
    allowed = logits.topk(top_k).indices
    for _ in range(200):
        assert (sampler(logits)[..., None] == allowed).any(-1).all()


def test_low_temperature_is_greedy():
    logits = torch.randn(1, 2, 30, generator=torch.Generator().manual_seed(0))
    cold = TokenSampler(Sampling(top_k=0, temperature=1e-4), [0], 2, 30)
    assert torch.equal(cold(logits), logits.argmax(-1))
    assert torch.equal(TokenSampler(Sampling(temperature=0.0), [0], 2, 30)(logits), logits.argmax(-1))
