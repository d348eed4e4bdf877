"""The strings that may stand in a record: names from the site files, versions, and the job's own fixed words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.avro import RECORD_TYPES, contract
from schemas.fields import UNKNOWN
from schemas.floor import Group
from schemas.site import Camera, Site
from schemas.versions import PIPELINE_VERSION
from transforms.dead_letters import STAGES
from transforms.decode import ClipFault
from transforms.guard import REASONS, UNDECLARED, Vocabulary
from transforms.metrics import ANY_ZONE
from transforms.redact import FAULTS as REDACTION_FAULTS
from transforms.sealing import SealFault
from transforms.validate import FAULTS


def vocabulary_of(sites: Iterable[Site], models: Mapping[tuple[str, str], str], faults: Iterable[str]) -> Vocabulary:
    """Return the vocabulary of a run.

    Args:
      sites: The site files.
      models: For each (site, camera), the first digits of its model's sha256.
      faults: Reason classes of the source.
    """
    sites = tuple(sites)
    cameras = [camera for site in sites for camera in site.cameras]
    places: list[Camera | Group] = [*cameras, *(group for site in sites for group in site.groups)]
    names = frozenset(place.name for place in places)
    zones = frozenset(zone.name for place in places for zone in place.zones)
    lines = [line for camera in cameras for line in camera.lines]
    paths = {f"{family}.{field['name']}" for family in RECORD_TYPES for field in contract(family)["fields"]}
    return {
        "pipeline_version": frozenset({PIPELINE_VERSION}),
        "model": frozenset(models.values()),
        "site": frozenset({UNKNOWN, *(site.site for site in sites)}),
        "group": names,
        "camera": names | {UNKNOWN},
        "zone": zones,
        "flow_zone": zones | {ANY_ZONE},
        "line": frozenset(line.name for line in lines),
        "direction": frozenset(name for line in lines for name in (line.directions.to_right, line.directions.to_left)),
        "stage": frozenset(STAGES),
        "reason": frozenset(
            {
                *(fault.value for kind in (ClipFault, SealFault) for fault in kind),
                *FAULTS,
                *REDACTION_FAULTS,
                *REASONS,
                *faults,
            }
        ),
        "field": frozenset({"", *paths, *(f"{family}.{UNDECLARED}" for family in RECORD_TYPES)}),
    }
