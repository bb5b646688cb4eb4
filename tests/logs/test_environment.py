"""The environment of a run: machine, BLAS and its threads, versions of packages."""

import json
import os
import subprocess
import sys
import unittest
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
from threadpoolctl import threadpool_limits

from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.logs.environment import blas, environment, processor, version
from neural_networks.losses import initialize_loss
from neural_networks.utils.blas import controllers
from tests.support.arrays import InFolder


def library(path, threads):
    """A library as threadpoolctl describes it."""
    return SimpleNamespace(
        filepath=path,
        internal_api="openblas",
        version="0.3",
        architecture="Haswell",
        num_threads=threads,
    )


class TestEnvironment(unittest.TestCase):
    def test_entries_of_this_machine(self):
        found = environment()
        keys = ["platform", "processor", "logical_cores", "batch_threads", "blas", "packages"]
        self.assertEqual(list(found), keys)
        self.assertEqual(found["logical_cores"], os.cpu_count())
        self.assertEqual(found["packages"]["numpy"], np.__version__)
        self.assertEqual(found["packages"]["scikit-learn"], metadata.version("scikit-learn"))
        self.assertTrue(found["processor"])
        json.dumps(found)

    def test_packages_are_not_imported_for_their_versions(self):
        code = (
            "import sys; from neural_networks.logs.environment import environment; environment();"
            "print([name for name in ('matplotlib', 'pandas', 'sklearn') if name in sys.modules])"
        )
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertEqual((found.stdout, found.stderr), ("[]\n", ""))

    def test_a_package_that_is_missing(self):
        self.assertIsNone(version("no-such-package-of-ours"))

    def test_a_system_without_proc(self):
        processor.cache_clear()
        self.addCleanup(processor.cache_clear)
        with (
            mock.patch.object(Path, "read_text", side_effect=FileNotFoundError),
            mock.patch("platform.processor", return_value="arm"),
        ):
            self.assertEqual(processor(), "arm")


class TestBlas(unittest.TestCase):
    def test_threads_are_those_of_the_moment(self):
        for threads in (1, 2):
            with threadpool_limits(threads, user_api="blas"):
                self.assertEqual(blas()["threads"], threads)

    def of(self, *libraries):
        controllers.cache_clear()
        self.addCleanup(controllers.cache_clear)
        found = mock.Mock(lib_controllers=list(libraries))
        with mock.patch("threadpoolctl.ThreadpoolController.select", return_value=found):
            return blas()

    def test_that_of_numpy_among_several(self):
        scipy = library("/site-packages/scipy.libs/libopenblas.so", 5)
        numpy = library("/site-packages/numpy.libs/libopenblas.so", 3)
        expected = {"name": "openblas", "version": "0.3", "core": "Haswell", "threads": 3}
        self.assertEqual(self.of(scipy, numpy), expected)
        self.assertEqual(self.of(scipy)["threads"], 5)

    def test_one_that_threadpoolctl_does_not_know(self):
        built = {"Build Dependencies": {"blas": {"name": "accelerate", "version": "1"}}}
        expected = {"name": "accelerate", "version": "1", "core": None, "threads": None}
        with mock.patch.object(np, "show_config", return_value=built):
            self.assertEqual(self.of(), expected)
            controllers.cache_clear()
            with mock.patch.dict("sys.modules", {"threadpoolctl": None}):
                self.assertEqual(blas(), expected)


class TestInConfig(InFolder):
    def threads(self, logger):
        config = json.loads((logger.folder / "config.json").read_text())
        return config["environment"]["blas"]["threads"]

    def test_threads_as_training_finds_them(self):
        """Not as they were when the folder was made."""
        logger = Logger("run", {}, {}, save=True, save_dir=self.root)
        dataset = Dataset(np.ones((4, 3)), np.ones((4, 1)), 2, seed=7)
        with threadpool_limits(1, user_api="blas"):
            logger.start()
            self.assertEqual(self.threads(logger), 1)
        with threadpool_limits(2, user_api="blas"):
            logger.describe(initialize_loss("l2"), dataset, 5)
        self.assertEqual(self.threads(logger), 2)
        config = json.loads((logger.folder / "config.json").read_text())
        self.assertEqual(config["seeds"], {"model": 5, "data": 7})


if __name__ == "__main__":
    unittest.main()
