"""What the records of a `site_version` were made with, kept beside them.

No (`site_version`, `revision`) may stand for two values, so a site file, model or limit that changed needs a
higher `site_version` before it may write to the same folder.
"""

from __future__ import annotations

import json
from typing import Any

from pipeline.config import Config
from schemas.site import Site, site_digest
from transforms.metrics import PIPELINE_VERSION


class LineageError(ValueError):
    """The output holds records of the same `site_version` that were made with something else."""


def keep_lineage(config: Config) -> None:
    """Write down what each site's records are made with, and refuse where it differs from what stands there.

    Raises:
      LineageError: the text names what changed, and says what to do.
    """
    folder = config.output / "lineage"
    folder.mkdir(parents=True, exist_ok=True)
    for site in config.sites:
        path = folder / f"{site.site}-v{site.site_version}.json"
        made_with = _made_with(config, site)
        if path.exists():
            before = json.loads(path.read_text("utf-8"))
            if changed := sorted(key for key in made_with if before.get(key) != made_with[key]):
                raise LineageError(
                    f"--output: {config.output} holds records of site {site.site}, site_version "
                    f"{site.site_version}, made with another {', '.join(changed)}; "
                    "raise site_version in the site file, or name another folder"
                )
        path.write_text(json.dumps(made_with, indent=2) + "\n", "utf-8")


# What can change without changing a record.
_WORDS = dict.fromkeys(("controller", "contact", "legal_basis", "raw_retention")) | {"purposes": (), "recipients": ()}


def _made_with(config: Config, site: Site) -> dict[str, Any]:
    models = {camera.name: [config.models[site.site, camera.name][0].model_dump_json()] for camera in site.cameras}
    return {
        "site file": site_digest(site.model_copy(update=_WORDS)),
        "models": models,
        "limits": vars(config.limits),
        "software": PIPELINE_VERSION,
    }
