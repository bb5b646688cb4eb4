"""Profile of a training: where the time of its steps goes, and the memory of each layer.

In a ``with`` block, timed methods are assigned to the network, its layers and the data, in place of
those that a step calls. Outside of it, nothing is timed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from time import perf_counter
from typing import Any, NamedTuple

from neural_networks.datasets import Dataset
from neural_networks.training.history import EpochUnderWay
from neural_networks.training.memory import Memory, is_inside, measure_memory, numbered
from neural_networks.training.protocols import Trainable
from neural_networks.training.stopwatch import LayerWatch, Method, Stopwatch, surround


class ProfileRow(NamedTuple):
    """A row of a profile: means over the steps of a training.

    Attributes
    ----------
    layer : str
        The layer's number, ``2.1`` inside layer 2, whose row includes it; empty if it is a part of
        the step that is not a layer.
    name : str
        The layer's class. Or ``data``, the batch that is drawn; ``loss`` with its gradient;
        ``penalty`` on the weights; ``error`` rate; ``update`` of the parameters; ``rest``, all
        else; ``step``, the sum.
    forward_ms, backward_ms : float or None
        Milliseconds of both passes in a step; None without such a pass.
    ms, share : float
        Milliseconds in a step, and the share of the step, from 0 to 1.
    operations : float or None
        Operations in a step, see ``operations.operations``; None if they are not known.
    gflop_per_s : float or None
        10⁹ operations in a second of the layer's time; None if there are none.
    parameter_bytes, gradient_bytes, cache_bytes, slot_bytes : int or None
        Memory after a step, see ``memory.Memory``.
    """

    layer: str
    name: str
    forward_ms: float | None
    backward_ms: float | None
    ms: float
    share: float
    operations: float | None = None
    gflop_per_s: float | None = None
    parameter_bytes: int | None = None
    gradient_bytes: int | None = None
    cache_bytes: int | None = None
    slot_bytes: int | None = None


class Profile:
    """The time of the steps of ``model.train(dataset, ...)``, and the memory of each layer.

    Only whole training steps count, from the call for a batch to the call for the next one. A
    validation is not timed, nor is a prediction in another thread: they work on copies of the
    layers. The results of training are the same as without, bit for bit.

    Parameters
    ----------
    model : NeuralNetwork
        It is completed for the dataset, as ``train`` does it.
    dataset : Dataset

    Attributes
    ----------
    n_steps : int
        Steps that have ended.
    batch_size : int
        Examples in the largest batch so far: that of ``memory``.
    seconds : float
        Time of these steps together.
    memory : dict of Memory
        By the layers' numbers; empty before the first step has ended.

    Examples
    --------
    >>> from neural_networks.datasets import initialize_dataset
    >>> from neural_networks.models import initialize_model
    >>> dataset = initialize_dataset("iris", batch_size=25, seed=0)
    >>> output = {"name": "fully_connected", "activation": "softmax", "n_out": 3}
    >>> model = initialize_model("iris", "cross_entropy", [output], {"name": "SGD", "lr": 0.1})
    >>> profile = Profile(model, dataset)
    >>> with profile.timing():
    ...     history = model.train(dataset, epochs=3)
    >>> [row.name for row in profile.rows()]
    ['FullyConnected', 'data', 'loss', 'error', 'update', 'rest', 'step']
    """

    def __init__(self, model: Trainable, dataset: Dataset) -> None:
        model.prepare(dataset)
        self.model, self.data = model, dataset.train
        self.layers = [LayerWatch(number, layer) for number, layer in numbered(model.layers)]
        self.parts = {name: Stopwatch() for name in ("data", "loss", "penalty", "error", "update")}
        self._watches: list[Stopwatch | LayerWatch] = [*self.parts.values(), *self.layers]
        self.n_steps = self.batch_size = 0
        self.seconds = 0.0
        self.memory: dict[str, Memory] = {}
        self._begun: float | None = None  # the step under way
        self._n_examples = 0  # in its batch
        self._ended = 0.0  # the step before it
        self._epoch: EpochUnderWay | None = None  # that step's

    @contextmanager
    def timing(self) -> Iterator[None]:
        """A context in which steps are timed; leaving it, however, takes the timed methods away."""
        model = self.model
        with ExitStack() as stack:
            for watch in self.layers:
                surround(stack, watch.layer, "forward_faster", watch.call_forward)
                surround(stack, watch.layer, "backward_faster", watch.backward)
                surround(stack, watch.layer, "backward_from_logits", watch.backward)
            surround(stack, model, "backward", self.parts["loss"])
            surround(stack, model.regularization, "apply", self.parts["penalty"])
            surround(stack, model, "error", self.parts["error"])
            surround(stack, model, "update", self._call_update)
            surround(stack, self.data, "sample", self._call_sample)
            yield

    def _call_sample(self, sample: Method, *args: Any, **options: Any) -> Any:
        """Begin a step by drawing its batch."""
        between = perf_counter() - self._ended
        if self._epoch is not None and self._epoch is self.model.records.under_way:
            self.seconds += between  # what follows the update belongs to the step before
        for watch in self._watches:
            watch.begin_step()
        self._begun, self._epoch = perf_counter(), None
        batch = self.parts["data"](sample, *args, **options)
        self._n_examples = len(batch[0])
        return batch

    def _call_update(self, update: Method, *args: Any, **options: Any) -> Any:
        """End a step by updating the parameters."""
        result = self.parts["update"](update, *args, **options)
        if self._begun is not None:
            self._end_step(perf_counter() - self._begun)
        return result

    def _end_step(self, seconds: float) -> None:
        """Count the step under way; the time that this takes belongs to no step."""
        self.n_steps, self.seconds = self.n_steps + 1, self.seconds + seconds
        for watch in self._watches:
            watch.end_step()
        if self._n_examples > self.batch_size:
            self.batch_size = self._n_examples
            slots = getattr(self.model.optimizer, "_slots", {})
            self.memory = measure_memory(self.model.layers, slots)
        self._begun, self._epoch = None, self.model.records.under_way
        self._ended = perf_counter()

    def rows(self) -> list[ProfileRow]:
        """The table: layers, other parts, their sum; empty before the first step has ended."""
        if not self.n_steps:
            return []
        layers = [self._layer_row(watch) for watch in self.layers]
        outer = [watch for watch in self.layers if "." not in watch.number]
        times = {name: watch.total for name, watch in self.parts.items()}
        # The network's backward pass calls those of the layers, and the penalty.
        times["loss"] -= times["penalty"] + sum(watch.backward.total for watch in outer)
        if not self.model.regularization:
            times["loss"] += times.pop("penalty")
        times["rest"] = self.seconds - sum(times.values()) - sum(watch.seconds for watch in outer)
        return [*layers, *(self._row("", *part) for part in times.items()), self._sum(outer)]

    def _layer_row(self, watch: LayerWatch) -> ProfileRow:
        inside = [other for other in self.layers if is_inside(other.number, watch.number)]
        return self._row(
            watch.number,
            type(watch.layer).__name__,
            watch.seconds,
            (watch.forward.total, watch.backward.total),
            sum_of_known(other.operations for other in inside),
            self.memory[watch.number],
        )

    def _sum(self, outer: Sequence[LayerWatch]) -> ProfileRow:
        passes = [(watch.forward.total, watch.backward.total) for watch in outer]
        memory = [self.memory[watch.number] for watch in outer]
        return self._row(
            "",
            "step",
            self.seconds,
            tuple(map(sum, zip(*passes, strict=True))),
            sum_of_known(watch.operations for watch in self.layers),
            Memory(*map(sum, zip(*memory, strict=True))),
        )

    def _row(
        self,
        layer: str,
        name: str,
        seconds: float,
        passes: Sequence[float] = (0.0, 0.0),
        operations: int | None = None,
        memory: Memory | None = None,
    ) -> ProfileRow:
        """A row from the times and the operations of all steps."""
        forward, backward = (1000 * time / self.n_steps or None for time in passes)
        rate = operations / seconds / 1e9 if operations and seconds else None
        each = None if operations is None else operations / self.n_steps
        means = 1000 * seconds / self.n_steps, seconds / self.seconds
        return ProfileRow(layer, name, forward, backward, *means, each, rate, *(memory or ()))


def sum_of_known(numbers: Iterable[int | None]) -> int | None:
    """A sum; None if one of the numbers is not known."""
    total = 0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total
