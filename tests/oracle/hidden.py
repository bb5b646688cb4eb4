"""Hidden cases of the grader against PyTorch; not part of the tests, since it needs PyTorch.

Their expected values are those of the solution here. This compares them with PyTorch's, by the
functions that the public cases were made with. From the root of the repository, with the number of
seeds to try:

    python -m tests.oracle.hidden 5
"""

import sys
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.nn import functional

from course.autograder.exams.hidden import hidden_cases
from course.autograder.mistakes import EXERCISES
from tests import recipes
from tests.diagnoses import RTOL, Case, same
from tests.oracle import graded
from tests.oracle.images import SIGMAS, convolve
from tests.recipes import SECOND
from tests.support import image_cases

Values = Iterator[tuple[str, object]]

ACTIVATIONS = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda Z: torch.softmax(Z, dim=-1),
}
LOSSES = {"cross_entropy": graded.cross_entropy, "l2": graded.squared_error}


def tensors(case: Case) -> dict[str, torch.Tensor]:
    """The arrays of a case."""
    return {name: torch.tensor(value) for name, value in case.arrays.items()}


def activation(case: Case, method: str) -> Values:
    """Y, or dL/dZ."""
    given, name = tensors(case), case.inputs["name"].item()
    upstream = given.get("dLdY", torch.zeros_like(given["Z"]))
    Y, found = graded.passes(lambda Z: ACTIVATIONS[name](Z), {"Z": given["Z"]}, upstream)
    yield from {"Y": Y}.items() if method == "forward" else found.items()


def loss(case: Case, method: str) -> Values:
    """L, or dL/dY_hat."""
    given, fn = tensors(case), LOSSES[case.inputs["name"].item()]
    leaves = {"Y_hat": given["Y_hat"]}
    L, found = graded.passes(lambda Y_hat: fn(given["Y"], Y_hat), leaves, torch.tensor(1.0))
    yield from {"L": L}.items() if method == "forward" else found.items()


def layer_function(case: Case) -> Callable[..., torch.Tensor]:
    """The function that a layer computes."""
    options = {name: recipes.option(case.inputs, name) for name in case.options}
    name, n_out = case.inputs["name"].item(), case.inputs.get("n_out")
    sigma = SIGMAS[options.get("activation", "linear")]
    if name == "fully_connected":
        return lambda X, W, b: sigma(functional.linear(X, W.T, b[0]))
    if name == "elman":
        return lambda X, W, U, b: list(graded.states(sigma, X, W, U, b))[-1]
    kernel, stride, pad = (options[key] for key in ("kernel_shape", "stride", "pad"))
    if name == "conv2d":
        rest = (n_out.item(), options["activation"])
        return lambda X, W, b: convolve(
            image_cases.Case(kernel, stride, pad, X.shape, *rest), X, W, b
        )
    if options["mode"] == "max" and pad != 0:
        return lambda X: graded.pool_with_wide_border(
            image_cases.Case(kernel, stride, pad, X.shape), X
        )
    return lambda X: graded.pool_any(
        image_cases.Case(kernel, stride, pad, X.shape), options["mode"], X
    )


def layer(case: Case, method: str) -> Values:
    """Results of each batch, and the parameters."""
    given, name = tensors(case), case.inputs["name"].item()
    if method == "init_params":
        size = case.inputs["n_out"].item()
        shape = tuple(case.options["X_shape"])
        arrays = graded.initial_values(name, shape, size, name == "elman").arrays
        of_kind = "init_params/1/expected/"
        yield from ((k.removeprefix(of_kind), a) for k, a in arrays.items() if of_kind in k)
        return
    parameters = {key: given[key] for key in ("W", "U", "b") if key in given}
    fn = layer_function(case)
    for ending in ("", SECOND):
        X = given[f"X{ending}"]
        if method == "forward_step":
            states = graded.states(SIGMAS[case.options["activation"]], X, **parameters)
            yield from ((f"s_{t}{ending}", state) for t, state in enumerate(states, start=1))
        elif method == "forward":
            yield f"Y{ending}", fn(X, **parameters)
        else:
            _, found = graded.passes(fn, {"X": X, **parameters}, given[f"dLdY{ending}"])
            yield from ((f"{key}{ending}", gradient) for key, gradient in found.items())
    if method != "forward_step":
        yield from ((f"{key} afterwards", value) for key, value in parameters.items())


def network(case: Case, method: str) -> Values:
    """Results of each batch; what must stay as it is has no place in PyTorch."""
    given = tensors(case)
    gains = {key: given[key] for key in ("g1", "g2", "g3")}
    for ending in ("", SECOND):
        X, Y = given[f"X{ending}"], given.get(f"Y{ending}")
        if method != "backward":
            yield f"Y_hat{ending}", graded.network_output(X, **gains)
        if Y is None:
            continue

        def fn(g1, g2, g3, X=X, Y=Y):
            return (Y * torch.sin(graded.network_output(X, g1, g2, g3))).sum()

        L, found = graded.passes(fn, gains, torch.tensor(1.0))
        yield f"loss{ending}", L
        if method == "backward":
            for number, gradient in enumerate(found.values(), start=1):
                yield f"dL/dg of layer {number}{ending}", gradient


def results(exercise: str) -> Callable[[Case, str], Values]:
    """The function with PyTorch's results of an exercise."""
    if exercise in ACTIVATIONS or exercise in LOSSES:
        return activation if exercise in ACTIVATIONS else loss
    return network if exercise == "model" else layer


def main(seeds: int) -> None:
    """Compare, and print how much was compared; the first difference is an error."""
    compared, left = 0, set()
    names = [name for one in EXERCISES.values() for name in one.recipes().values()]
    for recipe in names:
        exercise, method = recipe.split(".")
        for case in (case for seed in range(seeds) for case in hidden_cases(recipe, seed)):
            found = dict(results(exercise)(case, method))
            for name, value in found.items():
                if not same(np.asarray(value), case.expected[name]):
                    raise SystemExit(f"{recipe}, case {case.number}: {name} differs")
            compared += len(found)
            left |= {f"{recipe}: {name}" for name in case.expected.keys() - found.keys()}
    print(f"{compared} arrays of {len(names)} recipes agree with PyTorch's to {RTOL:g}.")
    print("Not compared: " + "; ".join(sorted(left)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
