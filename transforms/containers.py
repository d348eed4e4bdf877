"""What a media container says of its own length, read from its first bytes.

Demuxers read a file that breaks off as if it simply ended. These few rules see the
difference before decoding.
"""

from __future__ import annotations

from mmap import mmap

Bytes = bytes | mmap

TS_PACKET = 188
_BOXES = frozenset(b"ftyp styp moov moof mdat mfra free skip wide sidx uuid pnot emsg prft".split())
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def promised_bytes(payload: Bytes) -> int | None:
    """Return how many bytes the container promises to have, or None where it makes no promise.

    Reads ISO media (top-level boxes), RIFF, Matroska and WebM (segment size), MPEG-TS (whole packets).
    More than `len(payload)` means that the file was cut off.

    >>> promised_bytes(b"RIFF" + (1000).to_bytes(4, "little") + b"AVI ")
    1008
    >>> promised_bytes(b"hello") is None
    True
    """
    if payload[4:8] in _BOXES:
        return _iso_boxes(payload)
    if payload[:4] == b"RIFF":
        size = int.from_bytes(payload[4:8], "little")
        return None if size in (0, 0xFFFFFFFF) else 8 + size  # written by recorders that never came to an end
    if payload[:4] == _EBML:
        return _matroska(payload)
    if payload[:1] == b"G" and payload[TS_PACKET : TS_PACKET + 1] == b"G":
        return -(-len(payload) // TS_PACKET) * TS_PACKET
    return None


def _iso_boxes(payload: Bytes) -> int:
    at = 0
    while payload[at + 4 : at + 8] in _BOXES:
        size = int.from_bytes(payload[at : at + 4], "big")
        if size == 0:  # this box goes to the end of the file
            return len(payload)
        if size == 1:
            size = int.from_bytes(payload[at + 8 : at + 16], "big")
        if size < 8:
            break
        at += size
    return at


def _matroska(payload: Bytes) -> int | None:
    at = 4
    header = _vint(payload, at)
    if header is None:
        return None
    at += header[1] + header[0]
    if payload[at : at + 4] != _SEGMENT:
        return None
    segment = _vint(payload, at + 4)
    return None if segment is None else at + 4 + segment[1] + segment[0]


def _vint(payload: Bytes, at: int) -> tuple[int, int] | None:
    """Return (value, length) of an EBML variable-length integer; None where it means "unknown"."""
    if at >= len(payload) or payload[at] == 0:
        return None
    length = 9 - payload[at].bit_length()
    marker = 1 << (7 * length)
    value = int.from_bytes(payload[at : at + length], "big") ^ marker
    return None if value == marker - 1 else (value, length)
