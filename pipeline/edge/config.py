"""What an agent is to do, all of it checked; and the file that names its cameras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.edge.pieces import Limits
from pipeline.edge.recorder import Camera
from pipeline.edge.redactor import Redactor
from pipeline.edge.sources import Source, SourceError, parse_source
from pipeline.usage import UsageError, instant
from transforms.sealing import Keys

MOST_BYTES = 9_000_000 - 4_096
"""A clip's bytes at most: a publish is to stay under 9 MB, attributes and seal included; Pub/Sub takes 10."""
_MOST_FILE_BYTES = 256 << 10


@dataclass(frozen=True)
class EdgeConfig:
    """What an agent is to do.

    Attributes:
      site: Name of the site.
      cameras: What to record.
      topic: Where clips go, `projects/P/topics/T`.
      limits: What clips are cut to.
      spool: Folder of the spool.
      spool_bytes: Its bound.
      spool_key: File of its key.
      plain_spool: Whether no more clips in it are encrypted.
      retention_us: How old a clip may get in it; None for any age.
      keys: Payloads are sealed with the first; None leaves them as they are.
      in_flight_bytes: What may be on its way to Pub/Sub at once.
      heartbeats: Where heartbeats go; None for nowhere.
      heartbeat_s: How often.
      clock_limit_us: Beyond this offset the clock is not healthy.
      prometheus: Address and port of the page; None for none.
      redactors: For each camera, by name, what covers its clips; a camera without keeps them as they are.
    """

    site: str
    cameras: tuple[Camera, ...]
    topic: str
    limits: Limits
    spool: Path
    spool_bytes: int
    spool_key: Path
    plain_spool: bool
    retention_us: int | None
    keys: Keys | None
    in_flight_bytes: int
    heartbeats: str | None
    heartbeat_s: float
    clock_limit_us: int
    prometheus: tuple[str, int] | None
    redactors: Mapping[str, Redactor] = field(default_factory=dict)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    source: str
    transport: Literal["tcp", "udp"] = "tcp"
    start: str | None = None
    fast: bool = False
    loop: bool = False


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cameras: list[_Entry]


def load_cameras(path: Path) -> dict[str, Source]:
    """Read an agent's cameras from a YAML file: `cameras`, a list of `name`, `source` and what goes with it.

    Raises:
      SourceError: there are mistakes in it; the text says where, and repeats no value.
      OSError: it cannot be read.
    """
    with path.open("rb") as file:
        text = file.read(_MOST_FILE_BYTES + 1)
    try:
        if len(text) > _MOST_FILE_BYTES:
            raise SourceError(f"{path}: is larger than {_MOST_FILE_BYTES >> 10} KiB: is it the right file?")
        written = _File.model_validate(yaml.load(text, Loader=yaml.BaseLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise SourceError(f"{path}{f':{mark.line + 1}' if mark else ''}: is not YAML") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the file"
        raise SourceError(f"{path}: {where}: {first['msg']}") from None
    sources: dict[str, Source] = {}
    for entry in written.cameras:
        if entry.name in sources:
            raise SourceError(f"{path}: camera {entry.name} stands there twice: keep one")
        try:
            start_us = instant("start", entry.start)
        except UsageError as error:
            raise SourceError(f"{path}: camera {entry.name}: {error}") from None
        try:
            sources[entry.name] = parse_source(
                entry.name, entry.source, transport=entry.transport, start_us=start_us, fast=entry.fast,
                loop=entry.loop,
            )  # fmt: skip
        except SourceError as error:
            raise SourceError(f"{path}: {error}") from None
    return sources
