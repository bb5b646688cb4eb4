"""Interrupts at chosen moments of a training, and what must hold after them.

``python -m tests.support.interrupts 2000`` interrupts as many trainings of a dense network and
of a convolutional one, at random moments, and counts those that leave something broken.
"""

import contextlib
import random
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

import neural_networks
from neural_networks.datasets import Dataset
from neural_networks.models import NeuralNetwork
from neural_networks.utils.blas import controllers
from neural_networks.utils.progress import progress_bar
from tests.support.tracing import interrupt_at

LIBRARY = str(Path(neural_networks.__file__).parent)


def dense_case():
    """A dense network with all that changes in training, and a dataset for it."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(60, 4)), np.eye(3)[rng.integers(0, 3, 60)]
    inner = {"name": "fully_connected", "n_out": 10, "activation": "linear"}
    layers = [
        {"name": "fully_connected", "n_out": 10, "activation": "relu"},
        {"name": "batch_norm"},
        {"name": "dropout", "p": 0.1},
        {"name": "residual", "layers": [inner]},
        {"name": "fully_connected", "n_out": None, "activation": "softmax"},
    ]
    model = NeuralNetwork("cross_entropy", layers, {"name": "Adam", "lr": 0.01}, seed=0)
    return model, Dataset(X, Y, 10, X[:20], Y[:20], seed=0)


def convolutional_case():
    """A convolutional network whose layers split a batch across threads, and its dataset."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(48, 12, 12, 3)), np.eye(3)[rng.integers(0, 3, 48)]
    layers = [
        {"name": "conv2d", "n_out": 8, "kernel_shape": (3, 3), "activation": "relu"},
        {"name": "pool2d", "kernel_shape": (2, 2), "stride": 2},
        {"name": "flatten"},
        {"name": "fully_connected", "n_out": None, "activation": "softmax"},
    ]
    model = NeuralNetwork("cross_entropy", layers, {"name": "SGD", "lr": 0.01}, seed=0)
    return model, Dataset(X, Y, 16, X[:16], Y[:16], seed=0)


CASES = {"dense": dense_case, "convolutional": convolutional_case}


def settings():
    """What a training sets for its time, and must set back."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    threads = [controller.num_threads for controller in controllers()]
    return {"handlers": handlers, "errors": np.geterr(), "BLAS": threads}


def at_opcode(n, act):
    """Interrupt ``act`` at the n-th opcode of the library's code, see ``interrupt_at``."""
    return interrupt_at(n, act, lambda file: file.startswith(LIBRARY), ["opcode"])


def after(delay, act):
    """Call ``act``, with Ctrl-C after a time in seconds."""
    timer = threading.Timer(delay, signal.raise_signal, [signal.SIGINT])
    with contextlib.suppress(KeyboardInterrupt):
        timer.start()
        act()
        timer.join()
        time.sleep(0)  # where a late signal is handled


def faults(model, dataset, before):
    """What is broken after an interrupted training: a list of words, empty if all is well."""
    found = []
    if settings() != before:
        found.append(f"set back: {before} became {settings()}")

    def check_history(when):
        lengths = {len(column) for column in model.history.values()}
        if lengths - {model.epoch}:
            found.append(f"{when}: history of {lengths} for {model.epoch} epochs")
        if len(model.records.steps) != len(model.records.learning_rates) and when == "after":
            found.append(f"{when}: steps without a learning rate")

    check_history("interrupted")
    with progress_bar(1):
        pass
    epoch = model.epoch
    try:
        model.train(dataset, 2)
        X, Y = next(dataset.train.batches())
        output, _ = model.predict(X, Y)
        model.backward(Y, model.forward(X))
        model.update(0.0)
    except Exception as error:
        return [*found, f"training again: {type(error).__name__}: {error}"]
    if model.epoch != epoch + 2 or not np.isfinite(output).all():
        found.append(
            f"training again: epoch {model.epoch}, {np.isfinite(output).mean():.0%} finite"
        )
    check_history("after")
    return found


def main(n):
    """Interrupt n trainings of each case at random opcodes, and n by signals."""
    for name, case in CASES.items():
        rng, broken = random.Random(0), 0
        model, dataset = case()
        before = settings()
        total, _ = at_opcode(0, lambda model=model, dataset=dataset: model.train(dataset, 2))
        start = time.perf_counter()
        model, dataset = case()
        model.train(dataset, 2)
        seconds = time.perf_counter() - start
        for i in range(n):
            model, dataset = case()
            before = settings()  # an earlier one may have left something
            act = lambda model=model, dataset=dataset: model.train(dataset, 2)  # noqa: E731
            where = "by a signal"
            if i % 2:
                after(rng.random() * seconds, act)
            else:
                _, where = at_opcode(rng.randrange(1, total), act)
            if found := faults(model, dataset, before):
                broken += 1
                print(f"{name}, interrupt {i} {where}: {'; '.join(found)}", flush=True)
        print(f"{name}: {n} interrupts, {broken} left something broken", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
