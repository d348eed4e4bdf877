"""Makes the golden Avro files, one a record family, and what they say as text: `python -m tests.golden.make`.

Their names carry the version of the records, but for the first. Those of older versions stay as they are: to add a
field, raise the version, make its files, and see that all are read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.sinks import encode_file
from schemas.avro import contract
from schemas.records import FAMILIES
from schemas.versions import RECORD_VERSION

GOLDEN = Path(__file__).parent
INSTANT_US = 1_767_603_600_000_000


def example(family: str) -> dict[str, Any]:
    """Return a record of a family with something in every field."""
    return {field["name"]: _value(field) for field in contract(family)["fields"]}


def _value(field: dict[str, Any]) -> Any:
    kind = field["type"][-1] if isinstance(field["type"], list) else field["type"]
    match kind:
        case {"logicalType": _}:
            return INSTANT_US
        case {"symbols": symbols}:
            return symbols[-1]
        case "string":
            return "example"
        case "boolean":
            return True
        case "double":
            return float(field["max"]) / 2
        case _:
            return min(field["max"], 7)


def main() -> None:
    """Write the files of today's version."""
    for family in FAMILIES:
        row = example(family)
        name = f"{family}-v{RECORD_VERSION}"
        (GOLDEN / f"{name}.avro").write_bytes(encode_file(family, [row]))
        (GOLDEN / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
