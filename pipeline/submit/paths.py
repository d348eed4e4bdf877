"""Keep the paths of the machine that submits a job out of its graph."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_paths() -> Iterator[None]:
    """Have Beam pickle functions with the bare names of their files, while the body builds and submits a job.

    By default a lambda, Beam's own too, takes along the whole path of the file that it stands in.
    """
    from apache_beam.internal.cloudpickle_pickler import DEFAULT_CONFIG

    before = DEFAULT_CONFIG.filepath_interceptor
    DEFAULT_CONFIG.filepath_interceptor = os.path.basename
    try:
        yield
    finally:
        DEFAULT_CONFIG.filepath_interceptor = before
