"""Stopwatches for the parts of a training step, and methods of an object that are timed."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from time import perf_counter
from types import MethodType
from typing import Any

from neural_networks.layers import Layer
from neural_networks.training.operations import operations

Method = Callable[..., Any]


class Stopwatch:
    """The time of one part of a step.

    Attributes
    ----------
    seconds : float
        In the step under way.
    total : float
        In the steps that have ended.
    """

    def __init__(self) -> None:
        self.seconds = self.total = 0.0
        self._running = False

    def __call__(self, method: Method, *args: Any, **options: Any) -> Any:
        """Call a method, and add its time; that of a call within a call is part of it already."""
        if self._running:
            return method(*args, **options)
        self._running, start = True, perf_counter()
        try:
            return method(*args, **options)
        finally:
            self.seconds += perf_counter() - start
            self._running = False

    def begin_step(self) -> None:
        """Forget a step that has not ended."""
        self.seconds, self._running = 0.0, False

    def end_step(self) -> None:
        """Add the step under way to those that have ended."""
        self.total += self.seconds
        self.seconds = 0.0


class LayerWatch:
    """The time of both passes of a layer.

    Parameters
    ----------
    number : str
        The layer's number, see ``memory.numbered``.
    layer : Layer

    Attributes
    ----------
    forward, backward : Stopwatch
    batches : Counter
        Number of inputs by shape, and by whether the step went back through the layer.
    """

    def __init__(self, number: str, layer: Layer) -> None:
        self.number, self.layer = number, layer
        self.forward, self.backward = Stopwatch(), Stopwatch()
        self.batches: Counter[tuple[tuple[int, ...], bool]] = Counter()
        self._shapes: list[tuple[int, ...]] = []  # of the inputs in the step under way

    def call_forward(self, method: Method, X: Any) -> Any:
        """Call a method of the forward pass, and note the shape of its input."""
        self._shapes.append(getattr(X, "shape", ()))
        return self.forward(method, X)

    def begin_step(self) -> None:
        """Forget a step that has not ended."""
        self.forward.begin_step()
        self.backward.begin_step()
        self._shapes.clear()

    def end_step(self) -> None:
        """Add the step under way to those that have ended."""
        goes_back = self.backward.seconds > 0
        for shape in self._shapes:
            self.batches[shape, goes_back] += 1
        self._shapes.clear()
        self.forward.end_step()
        self.backward.end_step()

    @property
    def seconds(self) -> float:
        """The time of both passes, in the steps that have ended."""
        return self.forward.total + self.backward.total

    @property
    def operations(self) -> int | None:
        """Operations of these steps, without the layers inside; None if they are not known."""
        total = 0
        for (shape, goes_back), n in self.batches.items():
            passes = operations(self.layer, shape)
            if passes is None:
                return None
            total += n * (passes[0] + goes_back * passes[1])
        return total if self.batches else None


def surround(stack: ExitStack, thing: object, name: str, call: Method) -> None:
    """Assign to an object a method that calls ``call(method, ...)`` for its method of that name.

    Copies of the object, as ``predict`` makes them, keep the method, bound to the copy.

    Parameters
    ----------
    stack : ExitStack
        Sets the object back when it is closed.
    thing : object
    name : str
    call : function
        Takes the object's own method, then the arguments.
    """
    method, assigned = getattr(thing, name), vars(thing).get(name)
    is_bound = isinstance(method, MethodType) and method.__self__ is thing

    def surrounded(owner: object, *args: Any, **options: Any) -> Any:
        if owner is thing:
            return call(method, *args, **options)
        own = MethodType(method.__func__, owner) if is_bound else method
        return own(*args, **options)

    if assigned is None:
        stack.callback(vars(thing).pop, name, None)
    else:
        stack.callback(vars(thing).__setitem__, name, assigned)
    vars(thing)[name] = MethodType(surrounded, thing)  # bound, so that a copy binds it anew
