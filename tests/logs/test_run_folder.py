"""The run folder: its files, names of submissions, and the results of a run."""

import json
import unittest
from unittest import mock

import pandas as pd

from neural_networks.logs import (
    RUN_FILES,
    Logger,
    check_file_name,
    read_config,
    run_folder,
)
from tests.support.arrays import InFolder


class TestFiles(InFolder):
    def test_each_has_a_description(self):
        self.assertEqual(list(RUN_FILES), [file.name for file in run_folder.FILES])
        self.assertEqual(len(RUN_FILES), len(run_folder.FILES))
        for what in RUN_FILES.values():
            self.assertRegex(what, r"^\S.*[^.\s]$")

    def test_only_submissions_may_have_the_name_of_a_file(self):
        free = {file.name for file in run_folder.FILES if file.is_submission}
        self.assertEqual(free, {"kaggle_predictions.csv", "submission.csv"})
        for name in RUN_FILES:
            if name in free:
                self.assertEqual(check_file_name(name), name)
            else:
                with self.assertRaisesRegex(ValueError, "NAME.csv|another file of the run"):
                    check_file_name(name)

    def test_descriptions_decide_nothing(self):
        files = [file._replace(content="predictions for submission") for file in run_folder.FILES]
        with (
            mock.patch.object(run_folder, "FILES", files),
            self.assertRaisesRegex(ValueError, "another file of the run"),
        ):
            check_file_name("log.csv")

    def test_a_submission_with_the_name_of_another_file_is_refused(self):
        logger = Logger("run", {}, {}, save=True, save_dir=self.root)
        table = pd.DataFrame({"Id": [0], "Category": [1]})
        for name in ("log.csv", "../mine.csv", "mine.txt", ""):
            with self.assertRaises(ValueError):
                logger.save_kaggle(name, table)
        self.assertEqual(list(self.root.iterdir()), [])
        logger.save_kaggle("mine.csv", table)
        self.assertEqual((self.root / "run" / "mine.csv").read_text(), "Id,Category\n0,1\n")


class TestConfig(InFolder):
    def read(self, content):
        (self.root / "config.json").write_text(content)
        return read_config(self.root)

    def test_of_both_versions(self):
        for config in ({"model": {}}, {"format": 1, "model": {}}, {"format": 2, "model": {}}):
            self.assertEqual(self.read(json.dumps(config)), config)

    def test_of_a_later_version(self):
        words = (
            "config.json was written by a later version: its format is 3, and this version reads"
        )
        with self.assertRaisesRegex(ValueError, words):
            self.read('{"format": 3, "model": {}}')

    def test_formats_that_are_none(self):
        for number in ("0", "-1", "true", "null", '"2"', "1.5"):
            with self.assertRaisesRegex(ValueError, "config.json: format must be a whole number"):
                self.read(f'{{"format": {number}, "model": {{}}}}')

    def test_damage(self):
        for content in ("", "{", "[]", "{}", "3"):
            with self.assertRaisesRegex(ValueError, "config.json is not"):
                self.read(content)


if __name__ == "__main__":
    unittest.main()
