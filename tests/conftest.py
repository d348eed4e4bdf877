"""Fixtures that several tests need, and the one rule for what a machine may lack."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = [f"tests.support.{name}" for name in ("bigquery", "flink_cluster", "pubsub", "storage", "browser")]

ROOT = Path(__file__).resolve().parent.parent


# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


LONG = (
    "test_flink.py",
    "test_end_to_end.py",
    "test_live.py",
    "test_pubsub.py",
    "test_plaza.py",
)
"""Files that take minutes. They come first, one to each process at once, so that none is waited for at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; the rest stays in order."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def missing(what: str) -> None:
    """Skip a test for want of something; with CI=true that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing here, and nothing may be missing in CI: {what}")
    pytest.skip(f"missing here: {what}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of evaluation data beside the checkout."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        missing("the evaluation data, ../shared beside the checkout")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the checkout."""
    return ROOT
