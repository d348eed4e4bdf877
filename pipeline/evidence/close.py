"""What a run on this machine does once it has ended: look at what keeps its clips, and seal all that is new."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.config import Config
from pipeline.evidence.chain import seal_all
from pipeline.evidence.retention import collect, excesses, write_retention
from pipeline.evidence.sink import site_folder
from schemas.fields import UNKNOWN, write_duration
from schemas.site import Site

if TYPE_CHECKING:
    from pipeline.evidence.keys import Signer


def close_evidence(config: Config, signer: Signer | None) -> list[str]:
    """Look at what keeps the run's clips, seal every new pack, and return what there is to say of it.

    Raises:
      ChainError: a site's chain cannot be gone on with.
    """
    lines = [line for site in config.sites for line in _retention(config, site)]
    names = [*(site.site for site in config.sites), UNKNOWN]
    for sealed in seal_all(config.output, names, signer):
        how = "signed" if signer else "not signed"
        where = site_folder(config.output, sealed.site)
        lines.append(f"{sealed.packs:>7,} packs of evidence in {where}, sealed, {how}; head {sealed.head}")
    return lines


def _retention(config: Config, site: Site) -> Iterator[str]:
    if site.raw_retention is None:
        yield f"{site.site}: the site file says no raw_retention, so nothing was looked at that keeps clips"
        return
    subscriptions = [] if config.subscription is None else [config.subscription.name]
    pack = collect(site, subscriptions=subscriptions, files=config.files)
    if not pack.holdings:
        yield f"{site.site}: none of the clips were of this site, so nothing was looked at that keeps them"
        return
    name = write_retention(config.output, pack)
    over = len(excesses(pack))
    if over:
        allowed = write_duration(site.raw_retention)
        yield f"{site.site}: {over} of {len(pack.holdings)} places may keep clips for longer than {allowed}: see {name}"
