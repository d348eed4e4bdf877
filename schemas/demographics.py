"""Class names that tell what sort of person somebody is, which nothing here may output."""

import re
import unicodedata

_PEOPLE = frozenset({"person", "people", "human", "pedestrian", "face", "head", "body", "class", "label", "is", "a"})
"""Words that tell nothing by themselves."""

_SORT_WORDS = """
    male female man woman men women boy girl gender sex masculine feminine lady gentleman
    homme femme garcon fille hombre mujer nino nina mann frau junge maedchen uomo donna
    child children kid kids baby infant toddler teen teenager adult senior elder elderly old young youth middle aged age
    enfant bebe adulte kind erwachsene bambino adulto
    asian african caucasian european hispanic latino latina indian arab ethnicity race black white brown
    angry anger happy happiness sad sadness fear fearful disgust disgusted surprise surprised neutral contempt calm
    emotion smile smiling crying
"""
_SORTS = frozenset(_SORT_WORDS.split())
_RANGE = re.compile(r"\d{1,3}( ?(-|to|_|,) ?\d{1,3}|\+)( ?(years?|yrs?|yo))?( old)?|(under|over|below|above) ?\d{1,3}")


def describes_people(name: str) -> bool:
    """Say whether a class name is one of age, sex, origin or mood.

    >>> [describes_people(name) for name in ("female", "Young Man", "age 20-30", "25-32", "sad face", "HOMME")]
    [True, True, True, True, True, True]
    >>> [describes_people(name) for name in ("person", "face", "teddy bear", "baby seat", "wine glass", "class 7")]
    [False, False, False, False, False, False]
    """
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    if _RANGE.fullmatch(text.strip(" ()[]")):
        return True
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKD", name))
    words = re.findall(r"[a-z]+", spaced.encode("ascii", "ignore").decode().lower())
    words = [word for word in words if word not in _PEOPLE]
    return bool(words) and all(word in _SORTS for word in words)
