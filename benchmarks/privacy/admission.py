"""Which models get in: every one that computes templates, landmarks or attributes is refused, every detector admitted.

Refused must be the models of `../shared/models/refuse`, each under a card that lies in every output kind and under
every disguise of `tests.support.disguises`, judged for both roles; those that end in an average of the whole picture
with that average taken as detectors look at places; real detectors that compute a template besides; small ones with
poses, templates and attributes in a detector's shape (`tests.support.surplus`), by card and without; and face
detectors asked for as person detectors while they have landmarks. Admitted must be the person and face models
there, those in the package, and small graphs of all output kinds.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from benchmarks.figures import Figure
from pipeline.models.cards import read_card
from pipeline.models.registry import resolve
from schemas.card import ModelCard, Role
from tests.support import detectors
from tests.support.disguises import averaged, coloured, disguised, parsed, smuggling
from tests.support.models import CARDS
from tests.support.surplus import surplus
from transforms import onnx_graph
from transforms.admission import ModelRefused, judge, load
from transforms.verdict import SIZE_WITHOUT_CARD, own_size, picture_kind

SHARED = Path(__file__).resolve().parents[3] / "shared"

LIES: Sequence[Mapping[str, Any]] = (
    {"kind": "yolox"},
    {"kind": "nanodet"},
    {"kind": "yunet"},
    {"kind": "fastestdet"},
    {"kind": "centernet", "heatmap": "{0}", "size": "{0}", "offset": "{0}", "unit": "cells"},
    {"kind": "centernet_sides", "heatmap": "{0}", "sides": "{0}", "unit": "cells"},
    {"kind": "ssd"},
    {"kind": "detr", "boxes": "{0}", "logits": "{0}", "activation": "sigmoid"},
    {"kind": "scores_boxes", "scores": "{0}", "boxes": "{0}", "unit": "share"},
    {"kind": "rows", "scores": 4, "unit": "pixels"},
    {"kind": "nms", "unit": "pixels"},
)
"""Output kinds for which a model may be passed off; {0} is the name of its output."""

QUERIES: Mapping[str, Any] = {"kind": "detr", "boxes": "boxes", "logits": "logits", "activation": "softmax"}

AVERAGING = ("reid_osnet_x025_market1501", "vladmandic_emotion", "vladmandic_gender")
"""Those that end in a global average, which may be taken in other ways."""


@dataclass(frozen=True)
class Outcome:
    """What became of one model.

    Attributes:
        model: Its name, and how it was presented.
        admitted: Whether it got in.
        reasons: Why not.
    """

    model: str
    admitted: bool
    reasons: tuple[str, ...]


def refusals(shared: Path = SHARED) -> Iterator[Outcome]:
    """Yield what became of the models that must be refused."""
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder) / "model.onnx"
        for path in sorted((shared / "models/refuse").glob("*.onnx")):
            for kind in LIES:
                for role in get_args(Role):
                    yield _under_a_lie(f"{path.stem} as {role}, {kind['kind']}", path, kind, role, staged)
            for name, content in disguised(path.read_bytes()):
                yield from _judged(f"{path.stem}, {name}", content, get_args(Role), staged)
            if path.stem in AVERAGING:
                for name, content in averaged(path.read_bytes()):
                    yield from _judged(f"{path.stem}, {name}", content, get_args(Role), staged)
                    yield _loaded(f"{path.stem}, {name}, by a card", _lying(content, QUERIES, "person", 90), staged)
        nano = (shared / "models/person/yolox_nano.onnx").read_bytes()
        for name, content in smuggling(nano, "1124", "output", 64):
            yield from _judged(f"yolox_nano with {name}", content, get_args(Role), staged)
        for name, content, kind in surplus():
            yield from _judged(f"people with {name}", content, get_args(Role), staged)
            for role in get_args(Role):
                yield _loaded(f"people with {name} as {role}, by a card", _lying(content, kind, role), staged)
        for path in sorted((shared / "models/face").glob("*.onnx")):
            if not path.stem.startswith("ultraface"):  # which computes no landmarks
                yield from _judged(path.stem, path.read_bytes(), ["person"], staged)
        for fused in ("convolution", "rows"):
            yield from _judged(f"faces and landmarks fused by {fused}", detectors.faces(fused), ["person"], staged)


def admissions(shared: Path = SHARED) -> Iterator[Outcome]:
    """Yield what became of the models that must be admitted, by their cards and without."""
    files = {
        hashlib.sha256(path.read_bytes()).hexdigest(): path
        for role in ("person", "face")
        for path in sorted((shared / "models" / role).glob("*.onnx"))
    }
    cards = [(read_card(origin), None) for origin in sorted(CARDS.glob("*.yaml"))]
    builtin = [resolve(name) for name in ("person", "face")]
    for card, path in [*((card, files[card.sha256]) for card, _ in cards), *builtin]:
        yield _loaded(f"{card.name}, by its card", card, path)
        yield _outcome(f"{card.name}, without a card", path, card.role)
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder) / "model.onnx"
        for name, build in detectors.PEOPLE.items():
            yield from _judged(name, build(), ["person"], staged)
        for fused in ("convolution", "rows"):
            yield from _judged(f"faces and landmarks fused by {fused}", detectors.faces(fused), ["face"], staged)


def figures(shared: Path = SHARED) -> list[Figure]:
    """Return `models_refused` and `models_admitted`, as shares of those that should be."""
    refused = [not outcome.admitted for outcome in refusals(shared)]
    admitted = [outcome.admitted for outcome in admissions(shared)]
    return [
        Figure(
            "models_refused",
            sum(refused) / len(refused),
            f"share of {len(refused)} attempts to load a model of templates, landmarks, poses or attributes (lying "
            f"cards of {len(LIES)} output kinds, disguised graphs, both roles) that were refused",
            "== 1",
        ),
        Figure(
            "models_admitted",
            sum(admitted) / len(admitted),
            f"share of {len(admitted)} loads of person and face detectors, by card and without, that were admitted",
            "== 1",
        ),
    ]


def _under_a_lie(name: str, path: Path, kind: Mapping[str, Any], role: Role, staged: Path) -> Outcome:
    """Load a model, taking colour pictures, under a card that says it is a detector."""
    model = coloured(parsed(path.read_bytes()))
    content = model.SerializeToString()
    staged.write_bytes(content)
    of_it = model.graph.output[0].name
    output = {key: each.format(of_it) if key != "kind" and isinstance(each, str) else each
              for key, each in kind.items()}  # fmt: skip
    return _loaded(name, _lying(content, output, role), staged)


def _lying(content: bytes, output: Mapping[str, Any], role: Role, more: int = 0) -> ModelCard:
    """Make a card that says of a file that it is a detector, of one class and as many more as are given."""
    graph = onnx_graph.parse(content)
    layout, dtype = picture_kind(graph)
    return ModelCard.model_validate({
        "name": "liar",
        "uri": "https://example.org/liar.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "MIT",
        "source": "somebody",
        "role": role,
        "input": {
            "size": own_size(graph, layout) or SIZE_WITHOUT_CARD,
            "colour": "rgb",
            "layout": layout,
            "dtype": dtype,
        },
        "output": output,
        "classes": {role: 0} | {f"thing{index}": index for index in range(1, more + 1)},
    })  # fmt: skip


def _loaded(name: str, card: ModelCard, path: Path) -> Outcome:
    try:
        return Outcome(name, load(card, path).verdict.admitted, ())
    except ModelRefused as error:
        return Outcome(name, False, error.verdict.reasons if error.verdict else (str(error),))


def _judged(name: str, content: bytes, roles: Sequence[Role], staged: Path) -> Iterator[Outcome]:
    staged.write_bytes(content)
    for role in roles:
        yield _outcome(f"{name}, as {role}", staged, role)


def _outcome(name: str, path: Path, role: Role) -> Outcome:
    verdict = judge(path, role)
    return Outcome(name, verdict.admitted, verdict.reasons)
