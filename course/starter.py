"""The command that cuts a starter kit: ``python generate_starter.py``."""

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from course.archive import zipped
from course.assignment import DEFAULT, assignment_names
from course.cuttings import Manifest
from course.manifest import read_manifest
from course.ship import build
from neural_networks.cli.parser import Parser, command
from neural_networks.utils.files import atomic_write, display_path
from neural_networks.utils.text import counted

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = "generate_starter.py"
EXAMPLES = """\
examples:
  python generate_starter.py --output ../hw6
  python generate_starter.py --assignment spring-2020 --output ../hw3 --zip ../hw3.zip --git
  python generate_starter.py --output ../solution --solved all

The folder must be new or empty, and outside this repository; --overwrite replaces a starter. With
--git it is a repository of one commit, without this one's history: push that, never a fork of
this one. --solved leaves exercises solved: for trying a starter out, and for publishing a solution.
"""


def make_parser() -> Parser:
    """Create the parser of the command."""
    parser = Parser(
        prog=PROGRAM,
        description="Cut a starter kit: the library with an assignment's exercises left blank.",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    names = ", ".join(assignment_names(ROOT))
    parser.add_argument("--assignment", metavar="NAME", default=DEFAULT, help=f"one of {names}")
    parser.add_argument("--output", type=Path, metavar="DIR", required=True, help="the new folder")
    parser.add_argument("--zip", type=Path, metavar="FILE", help="an archive of the folder, too")
    parser.add_argument("--git", action="store_true", help="make it a repository of one commit")
    parser.add_argument(
        "--solved", nargs="+", default=(), metavar="EXERCISE", help="leave these solved, or all"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a starter and archive")
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    return parser


@command(PROGRAM)
def main(argv: Sequence[str]) -> None:
    """Cut a starter into a folder."""
    flags = make_parser().parse_args(argv)
    manifest = read_manifest(ROOT, flags.assignment)
    check_output(flags.output, flags.overwrite)
    if flags.zip is not None:
        check_archive(flags.zip, flags.output, flags.overwrite)
    every = [exercise.name for exercise in manifest.assignment.exercises]
    solved = every if list(flags.solved) == ["all"] else list(flags.solved)
    files = build(manifest, solved)
    with ExitStack() as stack:
        if flags.zip is not None:
            write_archive(stack.enter_context(atomic_write(flags.zip)), manifest, files)
        write_folder(files, flags.output, git=flags.git, manifest=manifest)
    print(last_word(manifest, files, solved, flags))


def check_output(output: Path, overwrite: bool, root: Path = ROOT) -> None:
    """Raise ``ValueError`` if a starter may not be written to a folder."""
    real = Path(os.path.realpath(output))
    if real.is_relative_to(root) or root.is_relative_to(real):
        raise ValueError(f"--output must lie outside this repository, got {output}")
    if output.exists() and not output.is_dir():
        raise ValueError(f"--output must be a folder, but {output} is a file")
    if output.is_dir() and any(output.iterdir()):
        if not overwrite:
            raise ValueError(f"{output} is not empty (--overwrite replaces a starter)")
        if not (output / "assignment.toml").is_file():
            raise ValueError(f"{output} is not a starter: --overwrite replaces only these")
    if not real.parent.is_dir():
        raise ValueError(f"--output: there is no folder {real.parent}")
    if not os.access(real.parent, os.W_OK):
        raise ValueError(f"--output: cannot write to {real.parent}")


def check_archive(path: Path, output: Path, overwrite: bool, root: Path = ROOT) -> None:
    """Raise ``ValueError`` if an archive may not be written to a path."""
    if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(output)):
        raise ValueError(f"--zip must lie outside the folder of --output, got {path}")
    check_file("--zip", path, overwrite, root)


def check_file(flag: str, path: Path, overwrite: bool, root: Path = ROOT) -> None:
    """Raise ``ValueError`` if the file of a flag may not be written to a path."""
    real = Path(os.path.realpath(path))
    if real.is_relative_to(root):
        raise ValueError(f"{flag} must lie outside this repository, got {path}")
    if path.is_dir():
        raise ValueError(f"{flag} must be a file, but {path} is a folder")
    if path.exists() and not overwrite:
        raise ValueError(f"{path} exists (--overwrite replaces it)")
    if not real.parent.is_dir():
        raise ValueError(f"{flag}: there is no folder {real.parent}")
    if not os.access(real.parent, os.W_OK):
        raise ValueError(f"{flag}: cannot write to {real.parent}")


def write_folder(
    files: Mapping[str, bytes], output: Path, *, git: bool = False, manifest: Manifest | None = None
) -> None:
    """Write a folder, whole or not at all; one that is there is replaced."""
    target = Path(os.path.realpath(output))
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise OSError(f"--output: cannot write to {target.parent}: {error.strerror}") from None
    try:
        new, old = scratch / "new", scratch / "old"
        for path, content in files.items():
            place = new / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        if git and manifest is not None:
            commit(new, f"{manifest.assignment.title}: the starter kit")
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def commit(folder: Path, message: str) -> None:
    """Make a folder a git repository of one commit, the same one each time."""
    date = "2000-01-01T00:00:00Z"
    author = {"NAME": "Course staff", "EMAIL": "staff@course.invalid", "DATE": date}
    settings = {
        f"GIT_{who}_{key}": x for who in ("AUTHOR", "COMMITTER") for key, x in author.items()
    }
    environment = {key: x for key, x in os.environ.items() if not key.startswith("GIT_")}
    environment |= {**settings, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for arguments in (
        ["init", "--quiet", "--initial-branch=main", "--template="],
        ["-c", "core.autocrlf=false", "add", "--all", "--force"],
        ["commit", "--quiet", "--no-verify", "--message", message],
    ):
        try:
            subprocess.run(
                ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True
            )
        except FileNotFoundError:
            raise ValueError("--git: there is no git on this machine") from None
        except subprocess.CalledProcessError as error:
            raise OSError(f"--git: {error.stderr.decode(errors='replace').strip()}") from None


def write_archive(path: Path, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Write an archive, in which the files lie in one folder; the same bytes each time."""
    folder = manifest.assignment.name
    path.write_bytes(zipped({f"{folder}/{name}": content for name, content in files.items()}))


def last_word(
    manifest: Manifest, files: Mapping[str, bytes], solved: Sequence[str], flags: argparse.Namespace
) -> str:
    """The content of the starter, and the next steps."""
    exercises, expect = manifest.assignment.exercises, manifest.expect
    blank = [exercise for exercise in exercises if exercise.name not in solved]
    size = sum(map(len, files.values())) / 1e6
    fails = sum(len(exercise.tests) for exercise in blank if exercise.counted)
    lines = [
        f"{manifest.assignment.title}: {counted(len(files), 'file')}, {size:.1f} MB, "
        f"in {display_path(flags.output)}",
        f"  blank:  {', '.join(exercise.name for exercise in blank) or 'nothing'}",
    ]
    lines += [f"  solved: {', '.join(solved)}"] if solved else []
    lines.append(
        f"  tests:  {expect['tests']}, of which {fails} fail and {expect['tests'] - fails} pass"
    )
    if manifest.gives_away:
        lines.append(f"  gives away, of other assignments: {', '.join(manifest.gives_away)}")
        lines.append("  (do not hand out both in one course)")
    if flags.zip is not None:
        lines.append(f"  archive: {display_path(flags.zip)}")
    lines += [
        "Next:",
        f"  python -m course check {manifest.assignment.name}",
        f"  cd {display_path(flags.output)} && python -m unittest -v",
    ]
    return "\n".join(lines)
