"""What a run's records are made with, for its evidence: known when the job is built."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib import resources

from pipeline.config import Config
from schemas.avro import RECORD_TYPES
from schemas.card import ModelCard
from schemas.clock import SECOND_US
from schemas.evidence import Limits, MadeWith, Model, SchemaVersion, Task
from schemas.site import Site, site_digest
from schemas.versions import PIPELINE_VERSION
from transforms.redaction.eyes import Model as LookingModel
from transforms.verdict import Verdict


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
        models=tuple(_models(config, site)),
    )


def _models(config: Config, site: Site) -> Iterator[Model]:
    for camera in site.cameras:
        card, _ = config.models[site.site, camera.name]
        yield _model(camera.name, "counts", card, config.admissions.get(card.sha256))
        eyes = config.eyes.get((site.site, camera.name))
        if eyes is None:
            continue
        looking: tuple[tuple[Task, LookingModel | None], ...] = (("masks", eyes.masker), ("checks", eyes.auditor))
        for task, model in looking:
            if model is not None:
                yield _model(camera.name, task, model[0], config.admissions.get(model[0].sha256))


def _model(camera: str, task: Task, card: ModelCard, verdict: Verdict | None) -> Model:
    return Model(
        camera=camera,
        task=task,
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
