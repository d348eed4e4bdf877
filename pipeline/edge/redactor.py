"""Redacts the clips of one camera before they are kept: heads or faces are covered, so that people can be counted."""

from __future__ import annotations

from dataclasses import replace

from pipeline.edge.pieces import Piece
from transforms.decode import open_clip
from transforms.redaction.eyes import Eyes
from transforms.redaction.redact import Polygons, redact
from transforms.redaction.what import Redaction

WHATS = ("heads", "faces")
"""What may be covered here: who is covered whole is not counted."""


class Redactor:
    """Covers what is asked for, and the camera's privacy masks.

    Args:
      redaction: What is covered, and how.
      eyes: What looks; may be shared by cameras.
      masks: Parts of the picture that are black throughout.
    """

    def __init__(self, redaction: Redaction, eyes: Eyes, masks: Polygons = ()) -> None:
        self._redaction, self._eyes, self._masks = redaction, eyes, masks

    def redact(self, piece: Piece) -> Piece:
        """Return a clip with its pictures covered, encoded again.

        Raises:
          ClipError: it cannot be decoded right.
          RedactionError: it cannot be encoded.
        """
        redacted = redact(lambda: open_clip(piece.payload), self._redaction, self._eyes, masks=self._masks)
        return replace(piece, payload=redacted.payload, codec="h264")
