"""Credentials of cameras: from the environment or a secret file, never from a command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from pipeline.secrets import SecretError, read_secret
from schemas.fields import nearest


@dataclass(frozen=True)
class Credentials:
    """User name and password of a camera; shows neither."""

    user: str = field(repr=False)
    password: str = field(repr=False)


def environment_names(camera: str) -> tuple[str, str]:
    """Return the names of the variables that hold a camera's user name and password.

    >>> environment_names("door-2")
    ('SILHOUETTE_CAMERA_DOOR_2_USER', 'SILHOUETTE_CAMERA_DOOR_2_PASSWORD')
    """
    stem = f"SILHOUETTE_CAMERA_{camera.upper().replace('-', '_')}"
    return f"{stem}_USER", f"{stem}_PASSWORD"


def find_credentials(
    cameras: Iterable[str], file: Path | None, environment: Mapping[str, str] = os.environ
) -> dict[str, Credentials]:
    """Return what is known of some cameras, by their names; the environment goes before the file.

    Args:
      cameras: Their names.
      file: A secret file: YAML, for each camera its `user` and `password`.
      environment: The variables.

    Raises:
      SecretError: the file cannot be used, a variable is missing, or one would serve two cameras.
    """
    cameras = list(cameras)
    found = {} if file is None else _in_file(file, cameras)
    served: dict[str, str] = {}
    for camera in cameras:
        names = environment_names(camera)
        values = [environment.get(name) for name in names]
        if not any(values):
            continue
        if (other := served.setdefault(names[0], camera)) != camera:
            raise SecretError(f"{names[0]}: would serve both cameras {other} and {camera}: use --credentials for them")
        user, password = values
        if not user or password is None:
            raise SecretError(f"{names[0]}, {names[1]}: one is set and the other is not: set both")
        found[camera] = Credentials(user, password)
    return found


def _in_file(path: Path, cameras: list[str]) -> dict[str, Credentials]:
    form = "must be written CAMERA: {user: NAME, password: WORD}, a camera a line"
    try:
        # All scalars are read as text: a password of digits is one.
        written = yaml.load(read_secret(path), Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        raise SecretError(f"{path}: is not YAML: {form}") from None
    if not isinstance(written, dict):
        raise SecretError(f"{path}: {form}")
    found = {}
    for camera, entry in written.items():
        if camera not in cameras:
            raise SecretError(f"{path}: an entry is for no camera of this agent{nearest(str(camera), cameras)}")
        if not isinstance(entry, dict) or set(entry) != {"user", "password"}:
            raise SecretError(f"{path}: camera {camera}: {form}")
        if not all(isinstance(value, str) for value in entry.values()):
            raise SecretError(f"{path}: camera {camera}: {form}")
        found[camera] = Credentials(**entry)
    return found
