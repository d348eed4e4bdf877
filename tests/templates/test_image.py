"""The image of the workers: linted, of the versions that are installed here, with what is locked and nothing more."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import apache_beam
import pytest

from tests.conftest import ROOT
from tests.support import builds

DOCKERFILE = ROOT / "templates/Dockerfile"
PIN = re.compile(r"^([a-z0-9.-]+(?:\[[a-z,]+\])?==\S+)", re.MULTILINE)


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("templates/**/Dockerfile")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_dockerfiles_are_clean(path: Path) -> None:
    linted = subprocess.run([builds.hadolint(), path], capture_output=True, text=True, timeout=60, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_versions_are_those_of_the_package() -> None:
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE))
    assert arguments["BEAM"] == apache_beam.version.__version__
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert wanted.startswith(f">={arguments['PYTHON']},")


def test_the_lock_is_the_package_s_without_what_only_tests_need() -> None:
    """Each pin has its hashes, and is that of requirements.lock."""
    lock = (ROOT / "templates/requirements.lock").read_text()
    pins, everything = set(PIN.findall(lock)), set(PIN.findall((ROOT / "requirements.lock").read_text()))
    assert pins < everything
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    tools = {re.split(r"[^\w-]", extra, maxsplit=1)[0].lower() for extra in extras["dev"]}
    assert not {pin for pin in pins if pin.partition("==")[0] in tools}
    for entry in re.split(r"\n(?=\w)", lock):
        assert "--hash=sha256:" in entry, entry


def test_all_that_is_copied_goes_into_the_build() -> None:
    """What the ignore file lets through is what the Dockerfile copies."""
    kept = re.findall(r"^!(\S+)$", (ROOT / "templates/Dockerfile.dockerignore").read_text(), re.MULTILINE)
    copied = [line.split()[1:-1] for line in DOCKERFILE.read_text().splitlines() if line.startswith("COPY ")]
    assert {name for names in copied if "--from" not in names[0] for name in names} == set(kept)
    assert all((ROOT / name).exists() for name in kept)
