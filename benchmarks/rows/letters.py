"""The OCR program: one hidden layer, one example a step, in float64; compared with PyTorch."""

from functools import partial
from itertools import cycle, pairwise

import numpy as np

from benchmarks.rows.row import Goal, Goals, Row, Step
from benchmarks.rows.step import IN_TORCH, torch_step

UNITS = 128, 50, 10
LR = 0.01
EXAMPLES = 20


def draw_examples(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Black and white pixels X (n, 1, 128) of overlapping classes, and their classes (n, 1)."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(UNITS[-1], size=EXAMPLES)
    ink = rng.random((UNITS[-1], UNITS[0])) ** 2
    X = rng.random((EXAMPLES, UNITS[0])) < ink[classes]
    return X[:, np.newaxis].astype("float64"), classes[:, np.newaxis]


def ours(seed: int) -> Step:
    """A step of ``neuralnet.py``, on the examples in turn."""
    from neuralnet import make_network

    model = make_network(UNITS[0], UNITS[1], 1, LR, seed)
    X, classes = draw_examples(seed)
    examples = cycle(list(zip(X, np.eye(UNITS[-1])[classes], strict=True)))

    def step() -> float:
        x, y = next(examples)
        loss = model.backward(y, model.forward(x))
        model.update(0)
        return loss

    return step


def in_torch(seed: int, variant: str) -> Step:
    """The same in PyTorch, eager, with one of its implementations of SGD."""
    import torch

    from neuralnet import make_network

    layers = [torch.nn.Linear(*pair, dtype=torch.float64) for pair in pairwise(UNITS)]
    with torch.no_grad():
        for layer, like in zip(layers, make_network(*UNITS[:2], 1, LR, seed).layers, strict=True):
            layer.weight.copy_(torch.from_numpy(like.parameters["W"].T))
            layer.bias.zero_()
    model = torch.nn.Sequential(layers[0], torch.nn.Sigmoid(), layers[1])
    batches = list(zip(*map(torch.from_numpy, draw_examples(seed)), strict=True))
    return torch_step(model, batches, LR, variant)


LETTERS = {
    "letters": Row(
        label="letters, one example",
        title="letters 128-50-10, single-example SGD step, float64",
        ours=ours,
        theirs={name: partial(in_torch, variant=name) for name in IN_TORCH},
        rival="PyTorch",
        package="torch",
        goals=Goals(Goal(0.30, 0.25), avx2=Goal(0.30, 0.25)),
        check_steps=50 * EXAMPLES + 1,  # ends with the first example
        tolerance=1e-9,
    )
}
