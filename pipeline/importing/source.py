"""A file of another tool, read without repeating anything of what it holds: it may hold passwords.

Only keys, positions and lines stand in errors and notes, and these only where they look like names.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.importing.clipping import Point

MOST_BYTES = 4 << 20
_MOST_DEPTH = 64

Key = str | int
Where = tuple[Key, ...]
"""Keys and list positions that lead from the top of a file to a value."""


class SourceError(ValueError):
    """A source that cannot be used; the text says where and why, and nothing of its values."""


def read_text(file: Path) -> str:
    """Read a file of UTF-8 text.

    Raises:
      SourceError: it is too large, or is none.
      OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise SourceError(f"is larger than {MOST_BYTES >> 20} MiB: is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(f"line {line}: is not UTF-8: save it in that encoding") from None


def parse_json(text: str, where: Where = ()) -> Any:
    """Parse JSON.

    Raises:
      SourceError: it is none.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{shown(where)}, its line {error.lineno}" if where else f"line {error.lineno}"
        raise SourceError(f"{place}, column {error.colno}: is not JSON: {error.msg}") from None
    except RecursionError:
        raise SourceError(f"{shown(where) or 'the file'}: is nested too deep") from None


def parse_yaml(text: str) -> Any:
    """Parse YAML to plain texts, lists and dicts; every scalar is a text. Merge keys are followed, tags are not.

    Raises:
      SourceError: it is none.
    """
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MOST_DEPTH:
                mark = event.start_mark
                raise SourceError(f"line {mark.line + 1 if mark else 1}: is nested too deep")
        return yaml.load(text, Loader=_Plain)
    except yaml.MarkedYAMLError as error:
        # The parser's own words may quote a value, such as a password with an asterisk.
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise SourceError(f"{place}is not YAML: look at the indentation, colons and quotes there") from None
    except yaml.YAMLError:
        raise SourceError("holds a control character: delete it") from None
    except (RecursionError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError("is no YAML that can be read: an anchor stands within itself, or a key is a list") from None


class _Plain(yaml.SafeLoader):
    """Takes every scalar for a text, also one with a tag of some tool's own; only `<<` keeps its meaning."""

    yaml_implicit_resolvers = {"<": yaml.SafeLoader.yaml_implicit_resolvers["<"]}  # noqa: RUF012  as PyYAML has it


def _untagged(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    """Read a value as if it had no tag: an own one, as !secret, or a standard one, as !!int."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


yaml.add_multi_constructor("!", _untagged, Loader=_Plain)


def shown(where: Sequence[Key]) -> str:
    """Write a path as `zones[0].polygon`; a key that does not look like a name is not repeated.

    >>> shown(("cameras", "door", "zones", 0, "rtsp://user:secret@host"))
    'cameras.door.zones[0].(…)'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{plain(step)}" for step in where).removeprefix(".")


def plain(text: object, otherwise: str = "(…)") -> str:
    """Return a short text that looks like a name as it is, and `otherwise` for anything else."""
    name = str(text)
    return name if re.fullmatch(r"[^\W_][\w .$+-]{0,62}|_[\w .+-]{0,62}", name) else otherwise


def keys_of(value: Any, where: Where) -> Mapping[str, Any]:
    """Return a value that must hold keys.

    Raises:
      SourceError: it does not.
    """
    if not isinstance(value, dict):
        raise SourceError(f"{shown(where) or 'the file'}: must hold keys with values")
    return value


def items_of(value: Any, where: Where) -> Iterator[tuple[Where, Any]]:
    """Yield the items of a value that must be a list, each with its path.

    Raises:
      SourceError: it is none.
    """
    if not isinstance(value, list):
        raise SourceError(f"{shown(where) or 'the file'}: must be a list")
    for index, item in enumerate(value):
        yield (*where, index), item


def number(value: Any, where: Where) -> float:
    """Read a finite number, written as such or as a text.

    Raises:
      SourceError: it is none.
    """
    try:
        read = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        read = math.nan
    if not math.isfinite(read):
        raise SourceError(f"{shown(where)}: must be a number")
    return read


def point(value: Any, where: Where) -> Point:
    """Read a point written as [x, y] or as {x: …, y: …}.

    Raises:
      SourceError: it is none.
    """
    if isinstance(value, dict) and {"x", "y"} <= value.keys():
        return number(value["x"], (*where, "x")), number(value["y"], (*where, "y"))
    if isinstance(value, list) and len(value) == 2:
        return number(value[0], (*where, 0)), number(value[1], (*where, 1))
    raise SourceError(f"{shown(where)}: must be a point, [x, y]")


def points(value: Any, where: Where) -> list[Point]:
    """Read a list of points.

    Raises:
      SourceError: it is none.
    """
    return [point(item, at) for at, item in items_of(value, where)]


def pairs(numbers: Sequence[float], where: Where) -> list[Point]:
    """Take a flat list of numbers for points, x and y in turn.

    Raises:
      SourceError: their number is odd.
    """
    if len(numbers) % 2:
        raise SourceError(f"{shown(where)}: holds an odd number of coordinates: x and y must come in pairs")
    return list(zip(numbers[::2], numbers[1::2], strict=True))
