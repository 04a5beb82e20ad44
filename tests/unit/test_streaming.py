import threading
import time

import pytest
import torch

from sonoscope import device
from sonoscope.errors import SonoscopeError
from sonoscope.streaming import Beside, to_card, to_host


def test_results_come_in_order_while_the_next_is_made():
    here, elsewhere = threading.get_ident(), []

    def work(k):
        elsewhere.append(threading.get_ident())
        time.sleep(0.01 * (3 - k))
        return k

    with Beside[int](waiting=1) as beside:
        for k in range(3):
            beside.submit(lambda k=k: work(k))
    assert beside.results == [0, 1, 2]
    assert here not in elsewhere


def test_errors_are_not_lost():
    def fail():
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Beside[None]() as beside:
        beside.submit(fail)


def test_not_more_than_a_few_wait():
    gate, started = threading.Event(), []

    def work(k):
        started.append(k)
        gate.wait(5)

    with Beside[None](waiting=2) as beside:
        for k in range(2):
            beside.submit(lambda k=k: work(k))
        threading.Timer(0.05, gate.set).start()
        beside.submit(lambda: None)  # has to wait for the first
        assert len(beside.results) >= 1
    assert started == [0, 1]


def test_on_the_cpu_nothing_is_copied():
    tensor = torch.ones(2)
    assert to_host({"a": tensor})()["a"] is tensor
    assert to_card(tensor, torch.device("cpu")) is tensor


def test_precision_is_of_the_machine(monkeypatch):
    assert device.precision("cpu") == "float32"
    assert device.precision("cuda") == "float16"
    monkeypatch.setenv(device.PRECISION, "bfloat16")
    assert device.precision("cuda:1") == "bfloat16"
    assert device.precision("cpu") == "float32"
    monkeypatch.setenv(device.PRECISION, "float8")
    with pytest.raises(SonoscopeError, match="expected one of float16, bfloat16, float32, found 'float8'"):
        device.precision("cuda")
