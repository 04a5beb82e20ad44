"""A tiny MuseTok of random weights, composed songs, and clips whose labels follow from what is known of them."""

import numpy as np
import torch

from sonoscope.affect.dataset import Clip
from sonoscope.affect.encoding import encode_songs, untrained_like
from sonoscope.affect.features import HAND
from sonoscope.affect.reading import read_song
from sonoscope.musetok.model import MuseTok
from sonoscope.settings.affect import BarReading
from sonoscope.settings.musetok import Events, Geometry
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import affect_of, random_causes

GEOMETRY = Geometry(
    dim=16, heads=2, dim_feedforward=16, encoder_layers=1, decoder_layers=1, dim_latent=8, codebooks=2, codes=16
)


def tiny_musetok(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MuseTok(GEOMETRY).eval()


def composed_clips(songs, per_song=2, bars=4, split=None):
    """Clips labelled with what their causes express; clips of a song share all causes."""
    read, about = [], []
    for k in range(songs):
        causes = random_causes(np.random.default_rng(k))
        for clip in range(per_song):
            score = compose(causes, 100 * k + clip, bars=bars)
            read.append(read_song(score, Events(), BarReading(), f"{k}"))
            about.append((f"song{k:02d}-{clip}", f"song{k:02d}", affect_of(causes)))
    tensors = encode_songs(read, tiny_musetok(), 4096, untrained_like(GEOMETRY, 1))
    return [
        Clip(clip, song, (split or (lambda _: ""))(song), t["bar_number"], t, np.tile(point, (len(t["bar_number"]), 1)))
        for (clip, song, point), t in zip(about, tensors, strict=True)
    ]


def column(features, name):
    return features[:, HAND.index(name)]
