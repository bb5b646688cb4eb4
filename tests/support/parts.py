"""Batches in parts: slices for threads, and few images at a time, on any machine."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from unittest import mock

from neural_networks.utils import convolution, fast_convolution, threads, winograd
from neural_networks.utils.threads import Threads


@contextmanager
def with_slices(n: int) -> Iterator[None]:
    """A context in which ``map_slices`` makes n slices, on any machine."""
    token = threads._threads.set(Threads(n, n))
    try:
        yield
    finally:
        threads._threads.reset(token)


@contextmanager
def workspace(n_bytes: int) -> Iterator[None]:
    """A context with a workspace of few or many bytes, of Winograd's method, too."""
    few = {
        "chunks": partial(convolution.chunks, workspace=n_bytes),
        "images_at_once": partial(convolution.images_at_once, workspace=n_bytes),
    }
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(winograd, "WORKSPACE", n_bytes))
        stack.enter_context(mock.patch.object(fast_convolution, "chunks", few["chunks"]))
        stack.enter_context(mock.patch.multiple(threads, **few))
        yield


@contextmanager
def winograd_from(n_channels: int | None, *sides: int) -> Iterator[None]:
    """A context in which kernels of these sides go by Winograd's method from so many channels on.

    By None, no kernel does.
    """
    channels = {} if n_channels is None else dict.fromkeys(sides or (3, 5), n_channels)
    with mock.patch.object(fast_convolution, "MIN_CHANNELS", channels):
        yield
