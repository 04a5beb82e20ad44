import random

import pytest
import requests
from loopback import Server

from sonoscope.fetch.client import Client
from sonoscope.fetch.patience import Patience


@pytest.fixture
def server(monkeypatch):
    with Server() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("DRIVE_ENDPOINT", running.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield running


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def client(pauses):
    with requests.Session() as session:
        session.trust_env = False
        yield Client(session, Patience(attempts=4), random.Random(0), pauses.append)
