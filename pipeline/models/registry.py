"""Which models there are, and where their files lie.

Cards are looked for in the folder that `SILHOUETTE_MODELS` names, then in the package. A model's file is looked
for beside its card, in that folder, in the package, then in the user's cache, and is taken only if its hash is the
card's. A folder of files named by their hash, as an image of workers has it, comes before these where one is told.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from pipeline.models.cards import SUFFIX, ModelError, read_card
from pipeline.models.fetch import FetchError, fetch
from schemas.card import ModelCard, Role
from transforms.admission import MAX_MODEL_BYTES, ModelRefused, judge
from transforms.detector import Detector
from transforms.verdict import Verdict

DEFAULT = "person"
"""The model in the package, which needs no network."""

FOLDER_VARIABLE = "SILHOUETTE_MODELS"

_PACKAGE = Path(__file__).parent
_CARDS = _PACKAGE / "cards"
_BUILTIN = _PACKAGE / "builtin"


@dataclass(frozen=True)
class Listed:
    """A model that has a card here.

    Attributes:
        card: The card.
        origin: The file of the card.
        path: The model's file; None until it is pulled.
    """

    card: ModelCard
    origin: Path
    path: Path | None


@dataclass(frozen=True)
class Checked:
    """What `check` found out about a good model.

    Attributes:
        card: The card with which the file agrees.
        path: The file.
        verdict: What was decided about it.
    """

    card: ModelCard
    path: Path
    verdict: Verdict


class RefusedError(ModelError):
    """A model that is here and is not admitted.

    Attributes:
        path: Its file.
        verdict: What was decided about it; None where the file was too large to be read.
    """

    def __init__(self, message: str, path: Path, verdict: Verdict | None) -> None:
        """Take the message, the file and the verdict."""
        super().__init__(message)
        self.path, self.verdict = path, verdict


def list_models() -> list[Listed]:
    """Return the models that have a card here, by name; a card in the user's folder hides one in the package.

    Raises:
        ModelError: A card is not valid.
    """
    origins: dict[str, Path] = {}
    for folder in _card_folders():
        for origin in sorted(folder.glob(f"*{SUFFIX}")):
            origins.setdefault(origin.stem, origin)
    cards = {name: read_card(origin) for name, origin in sorted(origins.items())}
    return [Listed(card, origins[name], _find(card, origins[name])) for name, card in cards.items()]


def resolve(model: str, relative_to: Path | None = None, by_hash: Path | None = None) -> tuple[ModelCard, Path]:
    """Find a model's card and file.

    Args:
        model: The name of a card, or the path of one (NAME.yaml).
        relative_to: Folder from which a path is meant, such as that of the site file.
        by_hash: Folder that may hold the file as `<sha256>.onnx`.

    Returns:
        The card, and the path of the file, whose hash is the card's.

    Raises:
        ModelError: There is no such card, it is not valid, or the file is not here yet.
    """
    card, origin = _card(model, relative_to)
    path = _find(card, origin, by_hash)
    if path is None:
        others = [str(place) for place in _places(card, origin, by_hash) if place.is_file()]
        hint = f" (the sha256 of {', '.join(others)} is not the card's)" if others else ""
        known = origin if model.endswith(SUFFIX) else card.name
        raise ModelError(f"model {card.name}: its file is not here{hint}. Run: silhouette models pull {known}")
    return card, path


def digits_of(model: str, relative_to: Path | None = None) -> str | None:
    """Return what records say of a model, by its card alone; None where no valid card of it is here.

    Args:
        model: The name of a card, or the path of one.
        relative_to: Folder from which a path is meant, such as that of the site file.
    """
    try:
        return _card(model, relative_to)[0].digits
    except ModelError:
        return None


def named_by_hash(card: ModelCard, folder: Path) -> Path:
    """Return the place of a model's file in a folder where remote workers look for it."""
    return folder / f"{card.sha256}.onnx"


def pull(model: str, relative_to: Path | None = None) -> Path:
    """Fetch a model's file into the user's cache, unless it is already here.

    Args:
        model: The name of a card, or the path of one.
        relative_to: Folder from which a path is meant.

    Returns:
        The path of the file, whose hash is the card's.

    Raises:
        ModelError: There is no such card, or the file could not be fetched, or is not the card's.
    """
    card, origin = _card(model, relative_to)
    here = _find(card, origin)
    if here is not None:
        return here
    if card.uri.startswith("builtin:"):
        raise ModelError(f"model {card.name}: its file is missing from the package; install silhouette again")
    target = _cached(card)
    try:
        fetch(card.uri, target, card.sha256, MAX_MODEL_BYTES)
    except FetchError as error:
        raise ModelError(
            f"model {card.name}: {error}. To do it by hand, download {card.uri} and put it in {target.parent}"
        ) from error
    except OSError as error:
        raise ModelError(
            f"model {card.name}: cannot be written to {target.parent} ({error.strerror}). Make room or rights "
            f"there, or put the file and its card in a folder and name that in {FOLDER_VARIABLE}"
        ) from error
    return target


def check(model: str) -> Checked:
    """Check a model: hash, agreement of card and graph, and a run on an empty picture.

    Args:
        model: The name of a card, the path of one, or the path of a model file (.onnx) that a card here describes.

    Raises:
        RefusedError: The model is refused.
        ModelError: It is not here, or cannot be read.
    """
    card, path = _described(Path(model)) if model.endswith(".onnx") else resolve(model)
    try:
        detector = Detector.open(card, path)
        fit = detector.fit(card.input.size[1], card.input.size[0])
        detector.detect([np.zeros((fit.content_h, fit.content_w, 3), np.uint8)], fit)
    except ModelRefused as error:
        raise RefusedError(str(error), path, error.verdict) from error
    except OSError as error:
        raise ModelError(str(error)) from error
    return Checked(card, path, detector.verdict)


def judge_file(path: Path, role: Role) -> Verdict:
    """Judge any ONNX file without a card.

    Raises:
        ModelError: The file cannot be read.
    """
    try:
        return judge(path, role)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); --role asks for the path of a file") from error
    except ModelRefused as error:
        raise ModelError(str(error)) from error


def _described(path: Path) -> tuple[ModelCard, Path]:
    """Find the card of a model file by its hash."""
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file")
    sha256 = _sha256(path)
    for listed in list_models():
        if listed.card.sha256 == sha256:
            return listed.card, path
    raise ModelError(f"{path}: no card here describes this file (sha256 {sha256}). Write one, and check the card")


def _card(model: str, relative_to: Path | None) -> tuple[ModelCard, Path]:
    """Read the card of a name or a path; return it with its file."""
    if model.endswith(SUFFIX):
        origin = (relative_to or Path()) / model
        return read_card(origin), origin
    if re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", model):
        for folder in _card_folders():
            origin = folder / f"{model}{SUFFIX}"
            if origin.is_file():
                return read_card(origin), origin
    names = sorted({origin.stem for folder in _card_folders() for origin in folder.glob(f"*{SUFFIX}")})
    raise ModelError(f"there is no model {model}; name one of {', '.join(names)}, or a card's file NAME{SUFFIX}")


def _card_folders() -> list[Path]:
    return [*_user_folders(), _CARDS]


def _user_folders() -> list[Path]:
    """Return the folder that the environment names, if it names one."""
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        return []
    if not Path(named).is_dir():
        raise ModelError(f"{FOLDER_VARIABLE} is {named}, which is no folder; correct it, or unset it")
    return [Path(named)]


def _find(card: ModelCard, origin: Path, by_hash: Path | None = None) -> Path | None:
    """Return the first file of the card's hash."""
    places = _places(card, origin, by_hash)
    return next((path for path in places if path.is_file() and _sha256(path) == card.sha256), None)


def _places(card: ModelCard, origin: Path, by_hash: Path | None) -> Iterator[Path]:
    """Yield where a model's file may lie, in the order of looking."""
    if by_hash is not None:
        yield named_by_hash(card, by_hash)
    for folder in dict.fromkeys([origin.parent, *_user_folders(), _BUILTIN]):
        yield folder / card.file_name
    yield _cached(card)


def _cached(card: ModelCard) -> Path:
    """Return the place of a file in the cache: a folder for each hash, since names are not unique."""
    cache = Path(platformdirs.user_cache_dir("silhouette", appauthor=False))
    return cache / "models" / card.sha256[:16] / card.file_name


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
