"""Walk from a script's main to the first forward pass: few frames, few files."""

import traceback
import unittest
from pathlib import Path
from unittest import mock

import train_cnn
import train_ffnn
import train_rnn
from neural_networks.models import NeuralNetwork
from tests.support.scripts import ScriptTest

MAXIMUM_FRAMES, MAXIMUM_FILES = 6, 3


class ForwardReached(Exception):
    """Ends a script at the first forward pass of its training."""


class TestWalk(ScriptTest):
    def frames(self, script) -> list[tuple[str, str]]:
        """File and function of each frame from ``main`` to the first forward pass in ``train``."""
        found: list[list[tuple[str, str]]] = []

        def forward(model, X):
            stack = [(Path(f.filename).name, f.name) for f in traceback.extract_stack()[:-1]]
            if ("models.py", "train") in stack:
                found.append(stack[stack.index((f"{script.__name__}.py", "main")) :])
                raise ForwardReached
            return original(model, X)

        original = NeuralNetwork.forward
        self.script = script
        with mock.patch.object(NeuralNetwork, "forward", forward):
            self.assertRaises(ForwardReached, self.train)
        return [*found[0], ("models.py", "forward")]

    def test_six_frames_in_three_files(self):
        for script in (train_ffnn, train_rnn, train_cnn):
            with self.subTest(script.__name__):
                frames = self.frames(script)
                self.assertLessEqual(len(frames), MAXIMUM_FRAMES, frames)
                self.assertLessEqual(len({file for file, _ in frames}), MAXIMUM_FILES, frames)
                self.assertEqual(frames[1], ("models.py", "train"))


if __name__ == "__main__":
    unittest.main()
