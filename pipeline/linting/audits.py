"""Whether a camera's audit still says anything of what it counts."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.linting.findings import Finding
from schemas.site import Camera, audit_fault


def check_audit(camera: Camera) -> Iterator[Finding]:
    """Yield what is wrong with a camera's audit, as far as the site file tells it."""
    if fault := audit_fault(camera):
        yield Finding(
            "audit-outdated", "warning", ("audit",), f"{fault} than the camera has: records have no error intervals",
            "audit the camera again with `silhouette audit`, or take its `audit` out",
        )  # fmt: skip
