import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from sonoscope.train.attention import PlainAttention

MASKS = {
    "all": {},
    "causal": {"is_causal": True},
    "padding": {"attn_mask": torch.tensor([[True, True, True, False, False]])},
    "scaled": {"scale": 1.0, "is_causal": True},  # as T5 has it
    "bias": {"attn_mask": torch.linspace(-1, 1, 25).reshape(5, 5)},
}


@pytest.mark.parametrize("mask", MASKS)
def test_plain_attention_is_torchs_own(mask):
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, 5, 8, generator=generator, dtype=torch.float64).unbind()
    query.requires_grad_()
    options = {k: v.double() if torch.is_tensor(v) and v.is_floating_point() else v for k, v in MASKS[mask].items()}
    expected = scaled_dot_product_attention(query, key, value, **options)
    (slope,) = torch.autograd.grad(expected.square().sum(), query)
    with PlainAttention():
        ours = scaled_dot_product_attention(query, key, value, dropout_p=0.0, **options)
        assert "Flash" not in ours.grad_fn.name()
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(torch.autograd.grad(ours.square().sum(), query)[0], slope)


def test_dropout_stays_torchs_own():
    ones = torch.ones(1, 1, 3, 4)
    with PlainAttention():
        kept = scaled_dot_product_attention(ones, ones, ones, dropout_p=0.9)
    assert not torch.allclose(kept, ones)
