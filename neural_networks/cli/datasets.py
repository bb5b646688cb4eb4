"""Command that lists, downloads and draws datasets: ``python -m neural_networks datasets``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from neural_networks.cli.parser import KEY_VALUES, Parser, command, program
from neural_networks.datasets import (
    CATALOGUE,
    DATASETS,
    SEVERAL,
    dataset_options,
    initialize_dataset,
)
from neural_networks.datasets.files.cache import find_prepared
from neural_networks.datasets.files.folders import find_original, home_folder
from neural_networks.utils.factories import check_keys, lookup
from neural_networks.utils.files import (
    atomic_write,
    check_output,
    display_path,
    experiments_folder,
    new_folder,
    python_command,
)

PROGRAM = program("datasets")

EXAMPLES = """\
examples:
  python -m neural_networks datasets list
  python -m neural_networks datasets list higgs
  python -m neural_networks datasets download fashion_mnist
  python -m neural_networks datasets show fashion_mnist
  python -m neural_networks datasets show cifar10 --data-args flip=true shift=4
  python -m neural_networks datasets show csv --data-args path=flowers.csv label=kind

Data goes to the folder in the environment variable NEURAL_NETWORKS_DATA, or else to datasets/.
Files that are already there, in their publishers' formats, need no download.
"""


@command(PROGRAM)
def main(argv: Sequence[str]) -> None:
    """List, download or draw datasets."""
    flags = make_parser().parse_args(argv)
    flags.act(flags)


def make_parser() -> Parser:
    """Create the parser of the three commands."""
    parser = Parser(
        prog=PROGRAM,
        description="List datasets, download them, and draw examples.",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    names = ", ".join(DATASETS)

    lister = commands.add_parser("list", help="list datasets: size, split, classes, license, place")
    lister.add_argument("names", nargs="*", metavar="NAME", help=f"of: {names} (default: all)")
    lister.set_defaults(act=list_datasets)

    downloader = commands.add_parser("download", help="download datasets and prepare them for use")
    downloader.add_argument("names", nargs="+", metavar="NAME", help=f"of: {names}")
    downloader.set_defaults(act=download)

    shower = commands.add_parser("show", help="draw examples of a dataset")
    shower.add_argument("name", metavar="NAME", help=f"one of: {names}")
    shower.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="the picture, a .png file (default: NAME.png in experiments/)",
    )
    shower.add_argument(
        "--data-args",
        **KEY_VALUES,
        several=SEVERAL,
        help="options of the dataset, such as flip=true (default: images=true if it has images)",
    )
    shower.set_defaults(act=show)
    return parser


def list_datasets(flags: argparse.Namespace) -> None:
    """Print a description of each dataset."""
    for name in check_names(flags.names) or DATASETS:
        info = CATALOGUE[name]
        lines = [info.title, info.examples, f"split {info.split}"]
        if info.class_names:
            lines.append(f"{len(info.class_names)} classes: {', '.join(info.class_names)}")
        if info.feature_names and flags.names:
            lines.append(f"features: {', '.join(info.feature_names)}")
        lines += [f"license: {info.license}", f"cite: {info.citation}", location(name)]
        print(name, *(f"    {line}" for line in lines), "", sep="\n")


def check_names(names: Sequence[str]) -> Sequence[str]:
    """Check the names; returns them."""
    for name in names:
        lookup("dataset", name, DATASETS)
    return names


def location(name: str) -> str:
    """The place of a dataset, or the way to get it."""
    info = CATALOGUE[name]
    ready = find_prepared(name, None, None)
    if ready is not None:
        return f"prepared in {display_path(ready)}"
    original = find_original(name)
    if original is not None:
        return f"found in {display_path(original[0].parent)}, prepared on first use"
    if not info.files:
        return info.source
    return f"to be downloaded: {sum(file.size for file in info.files) / 1e6:,.0f} MB"


def download(flags: argparse.Namespace) -> None:
    """Download the missing files of datasets, and prepare them."""
    from neural_networks.datasets.files.download import fetch

    for name in check_names(flags.names):
        load, info = DATASETS[name], CATALOGUE[name]
        if not info.originals:
            print(f"{name}: {info.source}; there is nothing to download.")
            continue
        try:
            load()  # prepared already, or found in a data folder
        except FileNotFoundError:
            if not info.files:
                raise
            fetch(info.files, home_folder(name))
            load()
        place = find_prepared(name, None, None) or home_folder(name)
        print(f"{name} is ready, in {display_path(place)}.")
    if flags.names[0] != "csv":
        command = f"-m neural_networks datasets show {flags.names[0]}"
        print(f"\nNext:\n  {python_command()} {command}")


def show(flags: argparse.Namespace) -> None:
    """Draw a picture of training examples."""
    from neural_networks import plots
    from neural_networks.plots import datasets

    output = flags.output or experiments_folder() / f"{flags.name}.png"
    if output.suffix != ".png":
        raise ValueError(f"--output must end in .png, got {str(output)!r}")
    given = dict(flags.data_args or {})
    check_keys(f"dataset {flags.name!r}", given, dataset_options(flags.name))
    if CATALOGUE[flags.name].images:
        given.setdefault("images", True)
    with new_folder(output.parent):
        check_output(output)
        dataset = initialize_dataset(flags.name, seed=0, **given)
        with atomic_write(output) as partial:
            plots.save(lambda figure: datasets.draw(figure, dataset), partial)
    print(f"{flags.name} is drawn in {output.resolve()}.")


if __name__ == "__main__":
    sys.exit(main())
