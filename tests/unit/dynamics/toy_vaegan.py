"""A codec of one convolution each way at 16 kHz, behind the interface of the published ones."""

import torch
from torch import nn

from sonoscope.codecs.neural import NeuralCodec


class _Model(nn.Module):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.encoder = nn.Conv1d(1, 6, 320, stride=320)
            self.decoder = nn.ConvTranspose1d(6, 1, 320, stride=320)


class _Halves:
    def __init__(self, model):
        self.model = model

    def analyse(self, audio):
        return self.model.encoder(audio).transpose(1, 2)

    def synthesise(self, latents):
        return self.model.decoder(latents.transpose(1, 2))


def stand_in():
    """50 latents of 6 numbers per second."""
    model = _Model()
    return NeuralCodec("toy", model, _Halves(model), 16_000, 50.0)
