"""Verdicts of the graded tests: a message of each kind, likely causes, and limits."""

import unittest
import warnings

import numpy as np

from course.autograder.mistakes import EXERCISES
from neural_networks import activations, losses, models
from neural_networks.layers import elman, fully_connected
from tests.verdict import (
    MOST_LINES,
    ROOT,
    Outcome,
    described,
    judge,
    load_cases,
    run,
)


def message(recipe, forward=None, base=activations.ReLU, **methods):
    """The message of a recipe for a class with other methods."""
    if forward is not None:
        methods["forward"] = forward
    exercise = EXERCISES[recipe.split(".")[0]]
    with exercise.installed(type(base.__name__, (base,), methods)):
        cases = load_cases(recipe)
        return judge(recipe, cases, [run(recipe, case) for case in cases])


def raiser(error):
    """A method that raises an error."""

    def method(self, *args):
        raise error

    return method


class TestKinds(unittest.TestCase):
    """One message of each kind, in the order of the checks."""

    def test_not_written_yet(self):
        text = "4.1 relu: write ReLU.forward"
        found = message("relu.forward", raiser(NotImplementedError(text)))
        self.assertEqual(found, f"not written yet: {text}")
        found = message("relu.forward", raiser(NotImplementedError()))
        self.assertEqual(found, "not written yet: ReLU.forward is still a blank")

    def test_not_written_yet_comes_before_all_else(self):
        def forward(self, Z):
            if Z.ndim == 4:
                raise NotImplementedError("4.1 relu: write ReLU.forward")
            return None

        self.assertTrue(message("relu.forward", forward).startswith("not written yet: 4.1"))

    def test_raised(self):
        found = message("relu.forward", lambda self, Z: Z @ Z)
        self.assertRegex(
            found, r"^ReLU\.forward, case 1 of 3: Z \(5, 4\); right: 0 of 3\n  It raised"
        )
        self.assertRegex(found, r"\n  It raised ValueError: matmul: .*")

    def test_raised_in_the_library_with_file_and_line(self):
        found = message("l2.forward", lambda self, Y, P: self.backward(Y, "x"), losses.L2)
        self.assertRegex(found, r"\n    neural_networks/losses\.py:\d+, in backward: return")
        self.assertNotIn("tests/", found)
        self.assertNotIn(str(ROOT), found)

    def test_ended_the_program(self):
        found = message("relu.forward", raiser(SystemExit(0)))
        self.assertIn("ended the program (SystemExit)", found)

    def test_a_file_that_does_not_parse(self):
        path = ROOT / "neural_networks" / "activations.py"
        error = SyntaxError("invalid syntax", (str(path), 131, 9, "    return Y *\n"))
        lines = described(error).splitlines()
        self.assertEqual(
            lines[0], "neural_networks/activations.py does not import: invalid syntax, line 131"
        )
        self.assertEqual(lines[2].index("^") - 4, 8)
        cases = load_cases("relu.forward")
        outcomes = [Outcome(error=described(error))] * len(cases)
        self.assertEqual(judge("relu.forward", cases, outcomes).splitlines(), lines)

    def test_writes_into_an_argument(self):
        def forward(self, Z):
            Z[Z < 0] = 0
            return Z

        self.assertIn("writes into one of its arguments", message("relu.forward", forward))

    def test_none_and_other_types(self):
        for value, words in (
            (None, "Y is None: is there a return?"),
            ([1.0], "Y must be an array (5, 4), got a list."),
            ((1.0, [2.0, 3.0]), "Y must be an array (5, 4), got a tuple."),
            (1.5, "Y must be an array (5, 4), got one number."),
            ("x", "Y must be an array (5, 4), got a str."),
        ):
            found = message("relu.forward", lambda self, Z, value=value: value)
            self.assertIn(words, found)

    def test_a_loss_is_one_number(self):
        base, name = losses.L2, "l2.forward"
        found = message(name, lambda self, Y, P: ((Y - P) ** 2).sum(axis=1), base)
        self.assertIn("L must be a float, got an array (7,): one for each example.", found)
        for value in (np.array([None]), "1", None, 1j):
            found = message(name, lambda self, Y, P, value=value: value, base)
            self.assertRegex(found, "must be a float|is None")
        for kind in (float, np.float64, np.asarray):
            found = message(
                name, lambda self, Y, P, kind=kind: kind(((Y - P) ** 2).sum() / len(Y)), base
            )
            self.assertEqual(found, "")

    def test_a_missing_gradient(self):
        def backward(self, dLdY):
            self.gradients = {"W": self.cache["X"].T @ dLdY}
            return dLdY @ self.parameters["W"].T

        base = fully_connected.FullyConnected
        found = message("fully_connected.backward", base=base, backward=backward)
        self.assertIn("dL/db is missing: the layer's gradients have no 'b'.", found)

    def test_missing_parameters(self):
        base = fully_connected.FullyConnected
        found = message(
            "fully_connected.init_params", base=base, _init_parameters=lambda self, shape: None
        )
        self.assertIn("n_in is None", found)

    def test_shapes(self):
        for change, words in (
            (lambda Y: Y.T, r"shape \(4, 5\), must be \(5, 4\): it is transposed"),
            (lambda Y: Y.sum(axis=0), "axis 0, of size 5, is lost; was it summed away"),
            (lambda Y: Y.sum(axis=1, keepdims=True), "axis 1, of size 4, is lost"),
            (lambda Y: Y[:, :, np.newaxis], "an axis of size 1 is lost or added"),
            (lambda Y: np.array(Y.sum()), "shape \\(\\), must be .* one number for all"),
        ):
            found = message("relu.forward", lambda self, Z, change=change: change(np.maximum(Z, 0)))
            self.assertRegex(found, words)

    def test_types_of_numbers(self):
        for kind, words in (
            (np.float32, "type float32, must be float64"),
            (bool, "type bool, must be float64: it holds true and false"),
            (int, "type int64, must be float64: whole numbers lose"),
            (object, "type object, must be float64: it must hold numbers"),
            (complex, "type complex128, must be float64"),
        ):
            found = message(
                "relu.forward", lambda self, Z, kind=kind: np.maximum(Z, 0).astype(kind)
            )
            self.assertIn(words, found)

    def test_numbers_that_are_not_finite(self):
        base, name = activations.Sigmoid, "sigmoid.forward"
        found = message(name, lambda self, Z: np.exp(Z) / (1 + np.exp(Z)), base)
        self.assertIn("case 2 of 3 (numbers as large as ±1e4)", found)
        self.assertIn("2 of 6 numbers that are not finite, first at [0, 0], nan where Z is", found)

    def test_values(self):
        found = message("relu.forward", lambda self, Z: np.maximum(Z, 0) + 1)
        self.assertRegex(
            found,
            r"\n  Y has the right shape, but 20 of 20 numbers differ; the largest difference is "
            r"1 at \[\d, \d\]: [\d.]+, should be [\d.]+\.",
        )

    def test_values_that_differ_in_late_digits(self):
        found = message(
            "l2.forward", lambda self, Y, P: ((Y - P) ** 2).sum() / len(Y) + 1e-9, losses.L2
        )
        actual, expected = found.split("L is ")[1].split(", should be ")
        self.assertNotEqual(actual, expected.split("\n")[0].rstrip("."))
        self.assertIn("right to a few digits only", found)


class TestCauses(unittest.TestCase):
    """Likely causes, told from the numbers."""

    def relu(self, change):
        return message("relu.forward", lambda self, Z: change(Z, np.maximum(Z, 0)))

    def test_of_numbers(self):
        for change, words in (
            (lambda Z, Y: 0 * Y, "All its numbers are 0."),
            (lambda Z, Y: 0 * Y + 3, "All its numbers are the same."),
            (lambda Z, Y: Z.copy(), "It equals Z: is something missing?"),
            (lambda Z, Y: -Z, "It equals -Z."),
            (lambda Z, Y: np.minimum(Z, 0), "It is the other part of Z"),
            (lambda Z, Y: -Y, "Every number has the other sign"),
            (lambda Z, Y: 5 * Y, "5 times too large: the batch has 5 examples"),
            (lambda Z, Y: -Y / 5, "5 times too small and of the other sign"),
            (lambda Z, Y: Y / 4, "4 times too small: there are 4 outputs"),
            (lambda Z, Y: Y / 20, "20 times too small: 5 examples times 4 outputs"),
            (lambda Z, Y: Y * 5 / 4, "1.25 times too large: 5 examples and 4 outputs"),
            (lambda Z, Y: 7 * Y, "Every number is 7 times what it should be."),
            (lambda Z, Y: Y**2, "It is the square of the right result."),
            (lambda Z, Y: np.sqrt(Y), "It is the square root of the right result."),
            (lambda Z, Y: Y[::-1], "It is reversed along axis 0."),
            (lambda Z, Y: Y[:, [1, 0, 2, 3]], "the right numbers in other places"),
            (lambda Z, Y: np.concatenate([Y[:1], Y[1:] + 1]), "Only the first example is right."),
            (lambda Z, Y: np.where(Z < 0, 9, Y), "It is wrong only where Z is negative."),
            (lambda Z, Y: Y + np.arange(4), "off by the same amount in every example"),
            (lambda Z, Y: 0 * Y + Y[1], "Every example gets the same"),
        ):
            with self.subTest(words=words):
                self.assertIn(words, self.relu(change))

    def test_of_cases(self):
        found = self.relu(lambda Z, Y: Y + (Z == 0))
        self.assertIn("right: 2 of 3", found)
        self.assertIn("It is wrong only where Z is exactly 0.", found)
        self.assertIn("Wrong only here: exact zeros among Z.", found)

    def test_of_a_second_batch(self):
        def first_batch_only(self, X):
            first = self.cache.setdefault("X", X)
            Y = X @ self.parameters["W"] + self.parameters["b"]
            return Y if X is first else Y + np.arange(Y.size).reshape(Y.shape)

        def backward(self, dLdY):
            self.gradients["W"] = self.gradients["W"] + self.cache["X"].T @ dLdY
            self.gradients["b"] = dLdY.sum(axis=0, keepdims=True)
            return dLdY @ self.parameters["W"].T

        base = fully_connected.FullyConnected
        found = message("fully_connected.forward", first_batch_only, base)
        self.assertIn("Y (second batch) has the right shape", found)
        self.assertIn("is something of the first left over?", found)
        found = message("fully_connected.backward", base=base, backward=backward)
        self.assertIn("It is the sum of both batches: each backward replaces dL/dW.", found)

    def test_of_a_network_that_writes_where_it_must_not(self):
        def predict(self, X, Y=None):
            out = self.forward(X)
            self.layers[1].parameters["g"] = self.layers[1].parameters["g"] + 1
            return out, float("nan") if Y is None else self.loss(Y, out)

        found = message("model.predict", base=models.NeuralNetwork, predict=predict)
        self.assertIn("g of layer 2 has changed; this method must leave it alone.", found)

    def test_a_second_opinion_replaces_the_first(self):
        cases = load_cases("relu.forward")
        outcomes = [Outcome({"Y": -case.expected["Y"]}) for case in cases]
        found = judge("relu.forward", cases, outcomes, lambda cases, outcomes: "It is upside down.")
        self.assertTrue(found.endswith("\n  It is upside down."), found)
        found = judge("relu.forward", cases, outcomes, lambda cases, outcomes: "")
        self.assertIn("other sign", found)


class TestLimits(unittest.TestCase):
    def test_no_message_is_long(self):
        found = message("relu.forward", raiser(ValueError("x\n" * 1000 + "y" * 10**6)))
        self.assertLessEqual(len(found.splitlines()), MOST_LINES)
        self.assertLess(len(found), 1000)
        outcome = Outcome(error="line\n" * 1000)
        found = judge("relu.forward", load_cases("relu.forward")[:1], [outcome])
        self.assertLessEqual(len(found.splitlines()), MOST_LINES)

    def test_an_error_whose_text_fails(self):
        class Odd(Exception):
            def __str__(self):
                raise ValueError

        self.assertIn("raised Odd", message("relu.forward", raiser(Odd())))

    def test_warnings_are_no_failures(self):
        def forward(self, Z):
            warnings.warn("careful", stacklevel=1)
            return 1 / (1 + np.exp(-Z))

        self.assertEqual(message("sigmoid.forward", forward, activations.Sigmoid), "")

    def test_results_are_taken_when_they_are_there(self):
        def backward(self, dLdY):
            X, Z = self.cache["X"], self.cache["Z"]
            dLdZ = self.activation.backward(Z, dLdY)
            self.gradients["W"][...] = X.T @ dLdZ  # the same array at each call
            self.gradients["b"][...] = dLdZ.sum(axis=0, keepdims=True)
            return dLdZ @ self.parameters["W"].T

        base = fully_connected.FullyConnected
        self.assertEqual(message("fully_connected.backward", base=base, backward=backward), "")

    def test_what_is_drawn_is_the_same_each_time(self):
        (case,) = load_cases("fully_connected.init_params")
        before = np.random.get_state()  # noqa: NPY002
        first, second = (run("fully_connected.init_params", case) for _ in "ab")
        after = np.random.get_state()  # noqa: NPY002
        W, again = (outcome.results["parameters['W']"] for outcome in (first, second))
        np.testing.assert_array_equal(W, again)
        np.testing.assert_equal(after, before)

    def test_steps_may_be_an_array(self):
        def backward(self, dLdY):
            return np.stack(elman.Elman.backward(self, dLdY), axis=2)

        self.assertEqual(message("elman.backward", base=elman.Elman, backward=backward), "")


if __name__ == "__main__":
    unittest.main()
