"""Work that goes on beside the next batch: copies off a graphics card, and writing to disk."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class Beside(Generic[T]):
    """Runs calls one after the other in a thread, a few at a time waiting; gives their results in order.

    Use it as a context: at its end all calls are done. An error of a call is raised by a later `submit`, or at the end.

    Parameters
    ----------
    waiting : int, optional
        Calls that may wait before `submit` does, so that results do not pile up in memory.
    """

    def __init__(self, waiting: int = 2) -> None:
        self.waiting, self.results = waiting, list[T]()
        self._pending: deque[Future[T]] = deque()
        self._thread = ThreadPoolExecutor(1)

    def submit(self, call: Callable[[], T]) -> None:
        """Have a call done, once there is room."""
        while len(self._pending) >= self.waiting:
            self._take()
        self._pending.append(self._thread.submit(call))

    def _take(self) -> None:
        self.results.append(self._pending.popleft().result())

    def __enter__(self) -> "Beside[T]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while kind is None and self._pending:
                self._take()
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)


def to_host(tensors: dict[str, Tensor]) -> Callable[[], dict[str, Tensor]]:
    """Begin to copy tensors to the host; the call that is given waits for them.

    From a card they go to pinned memory, so that the card computes on while they travel.
    """
    if not any(tensor.is_cuda for tensor in tensors.values()):
        return lambda: tensors
    host = {
        name: torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(tensor, non_blocking=True)
        for name, tensor in tensors.items()
    }
    done = torch.cuda.Event()  # type: ignore[no-untyped-call]
    done.record()

    def wait() -> dict[str, Tensor]:
        done.synchronize()
        return host

    return wait


def to_card(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on the device; to a card by pinned memory, so that the copy does not hold the host up."""
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
