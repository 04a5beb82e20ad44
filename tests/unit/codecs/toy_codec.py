"""A codec of one convolution each way, behind the interface of the published ones."""

import torch
from torch import nn

from sonoscope.codecs.neural import NeuralCodec

RATE = 8000
HOP = 160


class ToyModel(nn.Module):
    def __init__(self, dead=False):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.encoder = nn.Conv1d(1, 6, HOP, stride=HOP)
            self.decoder = nn.ConvTranspose1d(6, 1, HOP, stride=HOP)
        if dead:  # what is left of an encoder whose weights were not there
            nn.init.zeros_(self.encoder.weight)


class ToyHalves:
    def __init__(self, model):
        self.model = model

    def analyse(self, audio):
        return self.model.encoder(audio).transpose(1, 2)

    def synthesise(self, latents):
        return self.model.decoder(latents.transpose(1, 2))


def toy_codec(dead=False):
    """8 kHz, 50 latents of 6 numbers per second."""
    model = ToyModel(dead)
    return NeuralCodec("toy", model, ToyHalves(model), RATE, RATE / HOP)
