"""Tests of manifests: those of the repository, and broken ones, each told in one line."""

import unittest

from course.manifest import manifest_from, read_manifest
from course.ship import build
from tests.course.kits import ASSIGNMENTS, ROOT, manifest, read, table


def exercise(changed, name):
    """The table of an exercise."""
    return next(part for part in changed["exercise"] if part["name"] == name)


def change(**values):
    """A function that changes entries at the top of a table."""
    return lambda changed: changed.update(values)


def change_exercise(which, **values):
    """A function that changes entries of an exercise."""
    return lambda changed: exercise(changed, which).update(values)


def ship(pattern):
    """A function that adds a pattern of files."""
    return lambda changed: changed["ship"]["files"].append(pattern)


def drop(path, *names):
    """A function that drops names from a file."""
    return lambda changed: changed["ship"]["drop"].setdefault(path, []).extend(names)


RELU_TESTS = {"test_activations.TestReLU.test_forward": 2}
BROKEN = {
    "an unknown key": (change(ponits=1), "unknown key 'ponits'; did you mean 'points'"),
    "an unknown key of an exercise": (
        change_exercise("relu", wher=1),
        "exercise 'relu': unknown key 'wher'; did you mean 'where'",
    ),
    "a wrong type": (change(points="100"), "'points' must be a whole number, got '100'"),
    "a missing key": (lambda t: t.pop("expect"), "the key 'expect' is missing"),
    "a missing file": (
        ship("neural_networks/activation.py"),
        "'neural_networks/activation.py' matches no file; did you mean 'neural_networks/activ",
    ),
    "a pattern without files": (ship("neural_networks/*.pyx"), "matches no file"),
    "a path that leaves": (ship("../secret.py"), "'../secret.py' leaves the repository"),
    "a template that leaves": (
        lambda t: t["ship"]["templates"].update({"/etc/motd": "common/main.py"}),
        "'/etc/motd' leaves the repository",
    ),
    "a missing template": (
        lambda t: t["ship"]["templates"].update({"a.py": "common/mian.py"}),
        "no template 'common/mian.py' in course/templates; did you mean 'common/main.py'",
    ),
    "an exercise in a file that is not shipped": (
        change_exercise("relu", where="neural_networks/activation.py:ReLU"),
        "activation.py is not shipped; did you mean 'neural_networks/activations.py'",
    ),
    "an unknown class": (
        change_exercise("relu", where="neural_networks/activations.py:RelU"),
        "has no class 'RelU'; did you mean 'ReLU'",
    ),
    "an unknown method": (
        change_exercise("relu", blank=["foward"]),
        "ReLU has no method 'foward'; did you mean 'forward'",
    ),
    "no blank": (change_exercise("relu", blank=[]), "'blank' names no method"),
    "an unknown helper": (
        change_exercise("pool2d", remove=["_paded"]),
        "there is no '_paded' to remove; did you mean '_padded'",
    ),
    "an unknown test": (
        change_exercise("relu", tests={"test_activations.TestReLU.test_foward": 5}),
        "there is no test test_activations.TestReLU.test_foward; did you mean 'test_activations.Te",
    ),
    "a test in no file": (
        change_exercise("relu", tests={"test_activation.TestReLU.test_forward": 5}),
        "is in no file that ships; did you mean 'test_activations'",
    ),
    "a test twice": (
        change_exercise("sigmoid", tests=RELU_TESTS),
        "test_activations.TestReLU.test_forward is a test of 'relu', too",
    ),
    "points that do not sum": (
        change_exercise("softmax", tests={"test_activations.TestSoftMax.test_forward": 3}),
        "points is 100, but those of the tests sum to 91",
    ),
    "a test of no exercise": (
        change_exercise("relu", tests={"test_activations.TestReLU.test_forward": 5}),
        "expect.fail is 17, found 16",
    ),
    "a given line that is not the solution's": (
        change_exercise("conv2d", given={"forward": ["X = self.admit(X)"]}),
        "given.forward: the solution does not have the line 'X = self.admit",
    ),
    "a given line that is no Python": (
        change_exercise("conv2d", given={"forward": ["X = ("]}),
        "given.forward: not Python",
    ),
    "a given line of no blank": (
        change_exercise("conv2d", given={"forwards": ["X = 1"]}),
        "given: 'forwards' is not blank; did you mean 'forward'",
    ),
    "a signature with another argument": (
        change_exercise("fully_connected", signature={"backward": "(self, dldy)"}),
        "signature.backward: there is no argument 'dldy'; did you mean",
    ),
    "an unknown heading": (
        change_exercise("relu", heading="Activations"),
        "its heading 'Activations' is not in headings",
    ),
    "two exercises by one name": (
        change_exercise("softmax", name="relu"),
        "there are two exercises by this name",
    ),
    "a drop from a file that is not shipped": (
        drop("neural_networks/canonical.py", "PAIRS"),
        "neural_networks/canonical.py is not shipped",
    ),
    "an unknown exercise of another assignment": (
        change(gives_away=["spring-2020/elmann"]),
        "gives_away: no 'spring-2020/elmann'; did you mean 'spring-2020/elman'",
    ),
    "a limit of 0": (change(limits={"seconds": 0}), "limits.seconds must be 1 or more, got 0"),
    "an accepted file that is not shipped": (
        change(accepted=[{"exercise": "relu", "file": "a.py", "reason": "b"}]),
        "accepted: a.py is not shipped",
    ),
    "a file to accept that is not shipped": (
        lambda t: t["accept"]["files"].append("neural_networks/models/py"),
        "accept.files: neural_networks/models/py is not shipped",
    ),
}


class TestManifests(unittest.TestCase):
    def test_those_of_the_repository(self):
        for name, points, tests in zip(ASSIGNMENTS, (100, 100, 5), (23, 25, 25), strict=True):
            found = manifest(name)
            self.assertEqual(found.assignment.points, points, name)
            self.assertEqual(found.expect["tests"], tests, name)

    def test_what_an_assignment_gives_away_must_be_named(self):
        changed = table("fall-2024")
        changed["gives_away"] = ["spring-2020/*"]
        with self.assertRaisesRegex(ValueError, "gives_away must name 'spring-2023/conv2d'"):
            manifest_from(ROOT, "fall-2024", changed)

    def test_an_unknown_one(self):
        with self.assertRaisesRegex(ValueError, "unknown assignment 'fall-2042'; did you mean"):
            read_manifest(ROOT, "fall-2042")

    def test_broken_in_many_ways(self):
        for what, (breaks, message) in BROKEN.items():
            with self.subTest(what):
                self.assert_told(breaks, message, read)

    def test_an_unknown_name_to_drop(self):
        changed = drop("neural_networks/losses.py", "Hubert")
        message = "neural_networks/losses.py: there is no 'Hubert'; did you mean 'Huber'"
        self.assert_told(changed, message, lambda table: build(read(table)))

    def test_an_import_of_what_is_not_shipped(self):
        changed = table("fall-2024")
        changed["ship"]["files"][0] = changed["ship"]["files"][0].replace(",canonical", "")
        message = "^fall-2024.toml: neural_networks/models.py: '\\w+' is still used, but neural_net"
        with self.assertRaisesRegex(ValueError, message):
            build(manifest_from(ROOT, "fall-2024", changed))

    def assert_told(self, breaks, message, act):
        changed = table()
        breaks(changed)
        with self.assertRaises(ValueError) as caught:
            act(changed)
        told = str(caught.exception)
        self.assertIn(message, told)
        self.assertTrue(told.startswith("spring-2023.toml: "), told)
        self.assertNotIn("\n", told)
