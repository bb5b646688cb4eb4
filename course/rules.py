"""The rules of a manifest, checked against the repository; those that need no cutting."""

import ast
from collections.abc import Iterable
from pathlib import Path

from course.assignment import Exercise, assignment_names, find_assignment, suggestion
from course.cuttings import PLAIN, Cutting, Manifest
from course.paths import check_inside
from course.sources import Outline, argument_names, outline


def check(source: str, manifest: Manifest) -> None:
    """Check a manifest against the repository, all that needs no cutting.

    Raises
    ------
    ValueError
        For the first mistake, in one line that begins with ``source``.
    """
    _check_exercises(source, manifest)
    points = sum(exercise.points for exercise in manifest.assignment.exercises)
    if points != manifest.assignment.points:
        raise ValueError(
            f"{source}: points is {manifest.assignment.points}, but those of the tests sum to "
            f"{points}"
        )
    _check_counts(source, manifest)
    _check_accepted(source, manifest)
    _check_limits(source, manifest)
    _check_gives_away(source, manifest)


def _check_exercises(source: str, manifest: Manifest) -> None:
    """Check each exercise, and that names and tests occur once."""
    names = [exercise.name for exercise in manifest.assignment.exercises]
    seen: dict[str, str] = {}
    for cutting in manifest.cuttings:
        exercise = cutting.exercise
        where = f"{source}: exercise {exercise.name!r}"
        if names.count(exercise.name) > 1:
            raise ValueError(f"{where}: there are two exercises by this name")
        if exercise.heading not in manifest.assignment.headings:
            close = suggestion(exercise.heading, manifest.assignment.headings)
            raise ValueError(f"{where}: its heading {exercise.heading!r} is not in headings{close}")
        _check_code(where, manifest, cutting)
        for test in exercise.tests:
            _check_test(where, manifest, test)
            if test in seen:
                raise ValueError(f"{where}: {test} is a test of {seen[test]!r}, too")
            seen[test] = exercise.name


def _check_code(where: str, manifest: Manifest, cutting: Cutting) -> None:
    """Check that file, class and methods of an exercise exist, and its statements occur."""
    exercise = cutting.exercise
    if exercise.file not in manifest.files:
        close = suggestion(exercise.file, manifest.files)
        raise ValueError(f"{where}: {exercise.file} is not shipped{close}")
    known = outline(manifest.root / exercise.file)
    if exercise.cls not in known.classes:
        close = suggestion(exercise.cls, known.classes)
        raise ValueError(f"{where}: {exercise.file} has no class {exercise.cls!r}{close}")
    _check_methods(where, cutting, known)
    _check_plain(where, manifest, cutting)


def _check_methods(where: str, cutting: Cutting, known: Outline) -> None:
    """Check the methods and helpers of an exercise, and the statements that are given."""
    exercise, members = cutting.exercise, known.classes[cutting.exercise.cls]
    if not exercise.blank:
        raise ValueError(f"{where}: 'blank' names no method")
    for method in (*exercise.blank, *cutting.plain):
        if method not in members:
            close = suggestion(method, members)
            raise ValueError(f"{where}: {exercise.cls} has no method {method!r}{close}")
    for name in cutting.remove:
        if name not in members and name not in known.names:
            close = suggestion(name, [*members, *known.names])
            raise ValueError(f"{where}: there is no {name!r} to remove{close}")
    for method, lines in cutting.given.items():
        _check_blank(f"{where}: given", exercise, method)
        _check_statements(f"{where}: given.{method}", members[method], lines)
    for method in cutting.remarks:
        _check_blank(f"{where}: remarks", exercise, method)
    for method, signature in cutting.signature.items():
        _check_blank(f"{where}: signature", exercise, method)
        _check_signature(f"{where}: signature.{method}", members[method], signature)


def _check_plain(where: str, manifest: Manifest, cutting: Cutting) -> None:
    if not cutting.plain:
        return
    solved = outline(manifest.root / PLAIN).classes.get(cutting.exercise.cls, {})
    for method in cutting.plain:
        _check_blank(f"{where}: plain", cutting.exercise, method)
        if method not in solved:
            raise ValueError(f"{where}: {PLAIN} has no {cutting.exercise.cls}.{method}")


def _check_blank(where: str, exercise: Exercise, method: str) -> None:
    if method not in exercise.blank:
        close = suggestion(method, exercise.blank)
        raise ValueError(f"{where}: {method!r} is not blank{close}")


def _check_statements(where: str, method: ast.AST, lines: Iterable[str]) -> None:
    """Check that statements occur in a method, whatever their comments."""
    solution = {ast.dump(node) for node in ast.walk(method) if isinstance(node, ast.stmt)}
    for line in lines:
        try:
            statements = ast.parse(line).body
        except SyntaxError:
            raise ValueError(f"{where}: not Python: {line!r}") from None
        if not all(ast.dump(statement) in solution for statement in statements):
            raise ValueError(f"{where}: the solution does not have the line {line!r}")


def _check_signature(where: str, method: ast.AST, signature: str) -> None:
    """Check that a signature is one, with no argument that the method does not have."""
    try:
        tree = ast.parse(f"def f{signature}: ...").body[0]
    except SyntaxError:
        raise ValueError(f"{where}: not a signature: {signature!r}") from None
    known = argument_names(method)
    for name in argument_names(tree):
        if name not in known:
            raise ValueError(f"{where}: there is no argument {name!r}{suggestion(name, known)}")


def _check_test(where: str, manifest: Manifest, test: str) -> None:
    """Check that a test exists, in a file of tests that ships, in a class that is not dropped."""
    module = test.partition(".")[0]
    file = f"tests/{module}.py"
    if file not in manifest.files:
        files = [Path(path).stem for path in manifest.files if path.startswith("tests/")]
        raise ValueError(
            f"{where}: the test {test} is in no file that ships{suggestion(module, files)}"
        )
    tests = graded_tests(manifest, [module])
    if test not in tests:
        raise ValueError(f"{where}: there is no test {test}{suggestion(test, tests)}")


def graded_tests(manifest: Manifest, modules: Iterable[str] | None = None) -> list[str]:
    """The tests of a starter by name, such as ``test_layers.TestConv2D.test_forward``.

    By default those that ``python -m unittest`` finds.
    """
    names = []
    for path in manifest.files:
        folder, _, file = path.rpartition("/")
        module = file.removesuffix(".py")
        wanted = file.startswith("test") if modules is None else module in modules
        if folder != "tests" or not file.endswith(".py") or not wanted:
            continue
        dropped = manifest.drop.get(path, ())
        for cls, members in outline(manifest.root / path).classes.items():
            if cls not in dropped:
                names += [f"{module}.{cls}.{name}" for name in members if name.startswith("test")]
    return names


def _check_counts(source: str, manifest: Manifest) -> None:
    """Check the numbers of tests: all, those of exercises, those without the optional ones."""
    tests, exercises = graded_tests(manifest), manifest.assignment.exercises
    blank = [test for e in exercises if e.counted for test in e.tests]
    for test in blank:
        if test not in tests:
            raise ValueError(f"{source}: {test} is counted, but python -m unittest does not run it")
    optional = [test for e in exercises if e.counted and e.optional for test in e.tests]
    found = {
        "tests": len(tests),
        "fail": len(blank),
        "pass": len(tests) - len(blank),
        "without_optional": len(tests) - len(optional),
    }
    for key, number in found.items():
        if manifest.expect[key] != number:
            raise ValueError(f"{source}: expect.{key} is {manifest.expect[key]}, found {number}")


def _check_accepted(source: str, manifest: Manifest) -> None:
    names = [exercise.name for exercise in manifest.assignment.exercises]
    for accepted in manifest.accepted:
        if accepted.exercise not in names:
            close = suggestion(accepted.exercise, names)
            raise ValueError(f"{source}: accepted: no exercise {accepted.exercise!r}{close}")
        if accepted.file not in manifest.shipped:
            close = suggestion(accepted.file, manifest.shipped)
            raise ValueError(f"{source}: accepted: {accepted.file} is not shipped{close}")
        if not accepted.reason.strip():
            raise ValueError(f"{source}: accepted: {accepted.file} needs a reason")


def _check_limits(source: str, manifest: Manifest) -> None:
    for key, number in manifest.limits.items():
        if number < 1:
            raise ValueError(f"{source}: limits.{key} must be 1 or more, got {number}")
    for path in manifest.accept:
        check_inside(f"{source}: accept.files", path)
        if path not in manifest.shipped:
            close = suggestion(path, manifest.shipped)
            raise ValueError(f"{source}: accept.files: {path} is not shipped{close}")


def _check_gives_away(source: str, manifest: Manifest) -> None:
    """Check that the manifest names the exercises of other assignments that it ships solved."""
    own = manifest.assignment
    blank = {(e.file, e.cls, method) for e in own.exercises for method in e.blank}
    solved, known = set(), set()
    for name in assignment_names(manifest.root):
        if name == own.name:
            continue
        for exercise in find_assignment(manifest.root, name).exercises:
            known.add(f"{name}/{exercise.name}")
            methods = {(exercise.file, exercise.cls, method) for method in exercise.blank}
            dropped = exercise.cls in manifest.drop.get(exercise.file, ())
            if exercise.file in manifest.files and not dropped and not methods & blank:
                solved.add(f"{name}/{exercise.name}")
    named: set[str] = set()
    for pattern in manifest.gives_away:
        folder, _, rest = pattern.partition("/")
        matches = {key for key in known if rest == "*" and key.startswith(f"{folder}/")}
        matches |= known & {pattern}
        if not matches:
            raise ValueError(f"{source}: gives_away: no {pattern!r}{suggestion(pattern, known)}")
        named |= matches
    if missing := sorted(solved - named):
        raise ValueError(f"{source}: gives_away must name {missing[0]!r}, which ships solved")
