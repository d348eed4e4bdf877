"""The benchmarks that run in an environment of their own import nothing that is only in the tests' one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWN = ("benchmarks", "demo", "pipeline", "schemas", "tests", "transforms")


def imported(file: Path) -> Iterator[str]:
    """Yield what a file imports as it is itself imported, names of `from` imports with their modules."""
    for statement in ast.parse(file.read_text("utf-8")).body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            yield statement.module
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def file_of(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    return next((each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()), None)


@pytest.mark.parametrize("entry", ["benchmarks.bench", "benchmarks.privacy.__main__"])
def test_nothing_that_is_run_needs_the_tests_packages(entry: str) -> None:
    reached: set[str] = set()
    wanted = {entry: entry}
    while wanted:
        module, by = wanted.popitem()
        reached.add(module)
        assert module.split(".")[0] not in ("hypothesis", "pytest"), f"imported by {by}"
        if module.split(".")[0] in OWN and (file := file_of(module)):
            wanted |= {each: module for each in imported(file) if each not in reached}
    assert len(reached) > 20
