"""Coders: pixels refuse to be encoded; everything else is written by an Avro schema of its own.

A coder is where a type meets the outside of a fused stage: a shuffle, state, a checkpoint. `PixelCoder` makes
the border of the pixel zone a fact rather than a habit. `AvroCoder` gives the internal types compact,
deterministic bytes. They are read with the schema that is here now: a running job goes on with its own release.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, Generic, NoReturn, TypeVar

import fastavro
from apache_beam import coders

T = TypeVar("T")


class PixelsLeaveStageError(RuntimeError):
    """The pipeline tried to move pixels out of their fused stage."""


class PixelCoder(coders.Coder):
    """Refuses to encode or decode, so that no shuffle, state or side input can hold pixels."""

    def encode(self, value: object) -> NoReturn:
        raise PixelsLeaveStageError(f"{type(value).__name__} must not leave the fused pixel stage")

    def decode(self, encoded: bytes) -> NoReturn:
        raise PixelsLeaveStageError("nothing encoded can become pixels")

    def is_deterministic(self) -> bool:
        # Said to be deterministic so that a grouping by pixels fails in `encode`, with its reason.
        return True

    def estimate_size(self, value: object) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


class AvroCoder(coders.Coder, Generic[T]):
    """Writes one type with one Avro schema; subclasses name both.

    Attributes:
      schema: The Avro schema, parsed.
      to_fields: From the type to a mapping that fits the schema.
      from_fields: The inverse.
    """

    schema: Mapping[str, Any]
    to_fields: Callable[[T], Mapping[str, Any]]
    from_fields: Callable[[Mapping[str, Any]], T]

    def encode(self, value: T) -> bytes:
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, self.schema, type(self).to_fields(value))
        return buffer.getvalue()

    def decode(self, encoded: bytes) -> T:
        return type(self).from_fields(fastavro.schemaless_reader(io.BytesIO(encoded), self.schema, None))

    def is_deterministic(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))
