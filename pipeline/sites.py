"""Site files: from YAML to checked sites, every mistake told with its file and line.

All scalars are read as text and the model gives them their types, so that `08:00` stays a time, `no` a name,
and a key without a value is a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.fields import nearest
from schemas.site import Site

SUFFIXES = (".yaml", ".yml")
"""Of a folder's files, those that end so are site files; what lies deeper is none."""
MOST_BYTES = 256 * 1024
MOST_VALUES = 50_000
MOST_DEPTH = 32

Where = tuple[str | int, ...]
"""Keys and list positions that lead from the top of a file to a value."""

_ADVICE = {
    "missing": "is missing: add it",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "tuple_type": "must be a list, as in [a, b]",
    "model_type": "must hold keys with values, as in name: entrance",
    "string_type": "must be a text",
    "string_too_short": "is blank: fill it in, or leave the key out",
}


@dataclass(frozen=True)
class Problem:
    """One mistake in a site file: where it is, and what to do. Line 0 stands for the whole file."""

    file: Path
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        return ": ".join(filter(None, (place, self.key, self.message)))


class SiteFileError(ValueError):
    """Site files that cannot be used; the text has one line a problem."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


@dataclass(frozen=True)
class Located:
    """A checked site, and where its file says what.

    Attributes:
      site: The site.
      file: Its file.
      lines: The line of each value, by the keys and positions that lead to it.
    """

    site: Site
    file: Path
    lines: Mapping[Where, int]

    def line(self, *where: str | int) -> int:
        """Return the line of a value, or where that is left out, of what would hold it."""
        return next(self.lines[where[:end]] for end in range(len(where), -1, -1) if where[:end] in self.lines)


def load_sites(path: Path, *, stated: Sequence[str] = ()) -> tuple[Site, ...]:
    """Read a site file, or all `*.yaml` and `*.yml` of a folder in the order of their names.

    Args:
      path: The file or folder.
      stated: Keys that may not be left blank.

    Raises:
      SiteFileError: there is no site file, or there are mistakes in any; it holds all that were found.
    """
    return tuple(located.site for located in locate_sites(path, stated=stated))


def folder_of(path: Path) -> Path:
    """Return the folder from which the paths in a site file, or in those of a folder, are meant."""
    return path if path.is_dir() else path.parent


def locate_sites(path: Path, *, stated: Sequence[str] = ()) -> tuple[Located, ...]:
    """Read as `load_sites` does, and keep the lines.

    Raises:
      SiteFileError: as there.
    """
    sites: dict[str, Located] = {}
    problems: list[Problem] = []
    for file in _site_files(path):
        document = _Document(file)
        site = document.site()
        for key in stated if site else ():
            if getattr(site, key) in (None, ()):
                document.report((key,), "is left blank: fill it in")
        if site and site.site in sites:
            document.report(("site",), f"is the name of the site in {sites[site.site].file} too: give each its own")
        elif site:
            sites[site.site] = Located(site, file, document.lines)
        problems += sorted(document.problems, key=lambda problem: problem.line)
    if problems:
        raise SiteFileError(tuple(problems))
    return tuple(sites.values())


def _site_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
    if not files:
        raise SiteFileError((Problem(path, 0, "", "this folder holds no site file: write one, NAME.yaml"),))
    return files


@dataclass
class _Document:
    """One file: the lines of its values, and the problems found so far."""

    file: Path
    lines: dict[Where, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def site(self) -> Site | None:
        """Read and check the file; None after any problem."""
        try:
            node = _compose(_text(self.file))
            written = self._read(node, ())
        except _Unreadable as unreadable:
            self.problems.append(Problem(self.file, unreadable.line, "", unreadable.message))
            return None
        try:
            site = Site.model_validate(written)
        except ValidationError as error:
            for where, message in _told(error):
                self.report(where, message)
            return None
        return None if self.problems else site

    def report(self, where: Where, message: str) -> None:
        """Add a problem at a value, or where that is absent, at what should hold it."""
        held = next(where[:end] for end in range(len(where), -1, -1) if where[:end] in self.lines)
        key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where).removeprefix(".")
        self.problems.append(Problem(self.file, self.lines[held], key, message))

    def _read(self, node: yaml.Node, where: Where) -> Any:
        """Return a node as texts, lists and dicts, and note its lines."""
        if len(self.lines) >= MOST_VALUES:
            raise _Unreadable(_line(node), f"holds more than {MOST_VALUES:,} values: split or simplify it")
        if len(where) > MOST_DEPTH:  # by an alias that stands within its own anchor
            raise _Unreadable(_line(node), "is nested too deep")
        self.lines.setdefault(where, _line(node))
        if isinstance(node, yaml.SequenceNode):
            return [self._read(item, (*where, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._read_keys(node, where)
        return node.value

    def _read_keys(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        keys: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _Unreadable(_line(key), "a key must be a single word")
            at = (*where, key.value)
            if key.value in keys:
                self.report(at, f"stands here and in line {_line(key)}: keep one")
                continue
            self.lines[at] = _line(key)
            keys[key.value] = self._read(value, at)
        return keys


class _Unreadable(Exception):
    """A file that is not YAML, or beyond the limits."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(line, message)
        self.line = line
        self.message = message


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise _Unreadable(
            0, f"cannot be read: {error.strerror}; name a site file, or a folder of them, with --site"
        ) from None
    if len(content) > MOST_BYTES:
        raise _Unreadable(0, f"is larger than {MOST_BYTES // 1024} KiB: is it a site file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, "is not UTF-8: save it in that encoding") from None


def _compose(text: str) -> yaml.Node:
    """Parse YAML to nodes; the composer recurses, so the depth is checked before, on the parser's events."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MOST_DEPTH:
                raise _Unreadable(_line(event), "is nested too deep")
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Unreadable(line, "holds a control character: delete it") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Unreadable(mark.line + 1 if mark else 0, f"is not YAML: {error.problem or error.context}") from None
    if node is None:
        raise _Unreadable(0, "is empty: a site file begins with site, site_version, time_zone and cameras")
    return node


def _line(part: yaml.Node | yaml.Event) -> int:
    mark = part.start_mark
    return mark.line + 1 if mark else 0


def _told(error: ValidationError) -> Iterator[tuple[Where, str]]:
    """Yield where each mistake is, and what to do."""
    mistakes = error.errors(include_url=False, include_input=False)
    for details in mistakes:
        where = (*details["loc"], *details.get("ctx", {}).get("at", ()))
        # A list whose items are wrong is short of right ones: the items have been told already.
        within = (other["loc"] for other in mistakes if other is not details)
        if details["type"] != "too_short" or all(loc[: len(where)] != where for loc in within):
            yield where, _message(details)


def _message(details: ErrorDetails) -> str:
    if details["type"] == "extra_forbidden":
        *holder, key = details["loc"]
        known = _model_at(tuple(holder)).model_fields
        return "is no key here" + (nearest(str(key), known) or f"; known are {', '.join(known)}")
    plain = re.sub(r"^(Input|Tuple|String) should", "must", details["msg"]).replace(" after validation", "")
    return _ADVICE.get(details["type"], plain)


def _model_at(where: Where) -> type[BaseModel]:
    model: type[BaseModel] = Site
    for key in where:
        if isinstance(key, str):
            model = _model_in(model.model_fields[key].annotation) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as `tuple[Camera, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
