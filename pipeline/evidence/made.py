"""What a run's records are made with, for its evidence: known when the job is built."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import resources

from pipeline.config import Config
from schemas.avro import RECORD_TYPES
from schemas.clock import SECOND_US
from schemas.evidence import Limits, MadeWith, Model, SchemaVersion
from schemas.site import Site, site_digest
from transforms.metrics import PIPELINE_VERSION


def made_with(config: Config) -> Mapping[str, MadeWith]:
    """Return for each site what its records are made with."""
    contracts = tuple(SchemaVersion(family=family, sha256=_contract_sha256(family)) for family in RECORD_TYPES)
    return {site.site: _made_with(config, site, contracts) for site in config.sites}


def _made_with(config: Config, site: Site, contracts: tuple[SchemaVersion, ...]) -> MadeWith:
    return MadeWith(
        pipeline_version=PIPELINE_VERSION,
        schemas=contracts,
        site_version=site.site_version,
        site_sha256=site_digest(site),
        lateness_seconds=site.lateness / SECOND_US,
        raw_retention_seconds=None if site.raw_retention is None else site.raw_retention / SECOND_US,
        k=site.k,
        on_biometric="fail" if config.on_biometric == "fail" else "drop",
        source="archive" if config.subscription is None else "subscription",
        redaction="off" if config.redaction is None else config.redaction.what,
        limits=Limits(**vars(config.limits)),
        models=tuple(_model(config, site.site, camera.name) for camera in site.cameras),
    )


def _model(config: Config, site: str, camera: str) -> Model:
    card, _ = config.models[site, camera]
    verdict = config.admissions.get((site, camera))
    return Model(
        camera=camera,
        card=card.name,
        role=card.role,
        licence=card.licence,
        sha256=card.sha256,
        derived_sha256=None if verdict is None else verdict.derived_sha256,
        verdict=None if verdict is None else "admitted" if verdict.admitted else "refused",
        cut=() if verdict is None else verdict.cut,
    )


def _contract_sha256(family: str) -> str:
    return hashlib.sha256(resources.files("schemas").joinpath(f"{family}.avsc").read_bytes()).hexdigest()
