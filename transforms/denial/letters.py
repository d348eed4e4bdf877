"""How a name reads: to plain words, through case, separators, marks, look-alike letters and digits for letters.

A name has several readings (as written; look-alike letters as Latin; digits as letters), each a tuple of
case-folded words. Whoever judges a name judges every reading.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

LONGEST = 512
"""Characters of a name that are read; what is longer is judged as text."""

_LOOK_ALIKES = {
    "a": "аАαΑɑᴀᎪ", "b": "вВЬьβΒɓᏴʙ", "c": "сСᴄᏟϲⅽς", "d": "ԁԀđɗᴅᎠ", "e": "еЕεΕᴇᎬєЄ", "f": "ƒғϝ", "g": "ԍɡɢցᏀ",
    "h": "һНнΗħʜᎻ", "i": "іІɩɪΙιıᎥ", "j": "јЈᴊϳ", "k": "кКκΚᴋ", "l": "ӏłʟᏞ", "m": "мМΜᴍᎷ", "n": "пηɴոΝ",
    "o": "оОοΟօᴏøσᎾՕ", "p": "рРρΡᴘᏢ", "q": "ԛԚզ", "r": "гʀᎡ", "s": "ѕЅꜱտᏚ", "t": "тТτΤᴛŧᎢ", "u": "υսᴜՍ",
    "v": "νѵѴᴠᏙ", "w": "ωԝԜᴡᎳ", "x": "хХχΧ", "y": "уУүҮγΥʏ", "z": "ᴢΖ",
}  # fmt: skip
"""Latin letters, and letters of other scripts that a reader takes for them; what NFKD resolves is not here."""

_TO_LATIN = str.maketrans(
    {each: latin.upper() if each.isupper() else latin for latin, others in _LOOK_ALIKES.items() for each in others}
    | {"Ӏ": "l", "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"}
)
_DIGITS: list[dict[int, int]] = [str.maketrans("0134578@$!|", f"o{one}eastbas{one}{one}") for one in "il"]
_CODED = re.compile(
    r"(?<=[^\W\d_])[\d@$!|]{1,3}(?=[^\W\d_])|(?<![^\W_])(?:[\d@$!|](?=[^\W\d_])|[\d@$!|]{2}(?=[^\W\d_]{2}))"
    r"|(?<=[^\W\d_])[\d@$!|](?![^\W_]|[@$!|])|(?<=[^\W\d_]{2})[\d@$!|]{2}(?![^\W_]|[@$!|])"
)
"""Digits and signs that may stand for letters: within a word, before one, or after one; not `u10`, `p95`, `pm25`."""
_WORD = re.compile(r"[^\W\d_]+|\d+")
_SINGLES = re.compile(r"(?:(?<=\W)|(?<=_)|^)(?:[^\W\d_][\W_]+){2,}[^\W\d_](?=[\W_]|$)")


def plain(text: str) -> str:
    """Return a text without marks, invisible characters and compatibility forms, in its own script and case.

    >>> plain("Größe\u200b")
    'Große'
    """
    if text.isascii() and text.isprintable():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    kept = [each for each in decomposed if unicodedata.category(each) not in ("Mn", "Me", "Cf", "Cc", "Co", "Cn")]
    return "".join(kept).replace("\u0640", "")


def latin(text: str) -> str:
    """Return a text with Latin letters for those that look like them."""
    return text.translate(_TO_LATIN)


def words_of(text: str) -> tuple[str, ...]:
    """Return the case-folded words of a plain text: cut at separators, at digits and where camel case begins anew.

    >>> words_of("leftEye_x2"), words_of("HTTPServer")
    (('left', 'eye', 'x', '2'), ('http', 'server'))
    """
    return tuple(word.casefold() for run in _WORD.findall(text) for word in _humps(run))


def _humps(run: str) -> Iterator[str]:
    """Cut a run of letters where a capital follows a small letter, and before the last of several capitals."""
    begin = 0
    if not (run.islower() or run.isupper()):
        for at in range(1, len(run)):
            if run[at].isupper() and (not run[at - 1].isupper() or run[at + 1 : at + 2].islower()):
                yield run[begin:at]
                begin = at
    yield run[begin:]


@lru_cache(maxsize=16_384)
def readings(name: str) -> tuple[tuple[str, ...], ...]:
    """Return how a name may be read, each reading once."""
    return tuple(dict.fromkeys(words for text in _spellings(plain(name[:LONGEST])) if (words := words_of(text))))


def _decode(text: str, digits: dict[int, int]) -> str:
    return _CODED.sub(lambda coded: coded.group().translate(digits), text)


def _spellings(text: str) -> Iterator[str]:
    as_latin = latin(text)
    for spelled in dict.fromkeys((text, as_latin)):
        yield spelled
        # Everything in one case says nothing by its case: read `FaceVEC` as `facevec` too.
        if spelled != spelled.lower() and spelled != spelled.upper():
            yield spelled.lower()
        joined = _SINGLES.sub(lambda letters: re.sub(r"[\W_]+", "", letters.group()), spelled)
        if joined != spelled:
            yield joined
    if _CODED.search(as_latin):
        for digits in _DIGITS:
            decoded = as_latin
            for _ in range(2):  # what is read as a letter may have a digit for a neighbour
                decoded = _decode(decoded, digits)
            yield decoded
            yield re.sub(r"[\W_]+", "", decoded).lower()
    # Separators set within a word: `fa-ce`, `em_bedding`.
    yield re.sub(r"[\W_]+", "", as_latin).lower()
