"""Whether an audit still says anything of what is counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.linting.findings import Finding
from schemas.floor import Group
from schemas.geometry import audit_fault, walking_fault
from schemas.site import Camera


def check_audit(place: Camera | Group, cameras: Iterable[Camera] = (), model: str | None = None) -> Iterator[Finding]:
    """Yield what is wrong with the audit of a camera, or of a group of cameras.

    Args:
      place: The camera or group.
      cameras: Of a group, its cameras.
      model: First digits of the sha256 of the model that counts; None where it is not known.
    """
    kind = "group" if isinstance(place, Group) else "camera"
    if fault := audit_fault(place, cameras, model):
        yield Finding(
            "audit-outdated", "warning", ("audit",), f"{fault} than the {kind} has: records have no error intervals",
            f"audit the {kind} again with `silhouette audit`, or take its `audit` out",
        )  # fmt: skip
    elif fault := walking_fault(place):
        yield Finding(
            "audit-outdated", "warning", ("audit", "walking"),
            f"{fault} than the camera has: movement has no error intervals",
            "audit who walks again with `silhouette audit`, or take `walking` out",
        )  # fmt: skip
