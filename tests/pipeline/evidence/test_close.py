"""What a run on this machine does at its end: a look at what keeps its clips, and seals over all that is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.archive import ClipFile
from pipeline.config import Config
from pipeline.evidence.chain import ChainError
from pipeline.evidence.close import close_evidence
from pipeline.evidence.keys import load_signer, make_key
from pipeline.evidence.verify import packs_of, verify
from pipeline.pubsub import Subscription
from schemas.clock import SECOND_US, now_us
from schemas.envelope import Envelope
from schemas.seals import RetentionPack
from tests.support.evidence import an_output
from tests.support.pubsub import free_port
from tests.support.world import a_site


def looks(output: Path, site: str) -> list[RetentionPack]:
    return [pack for pack in packs_of(str(output), site) if isinstance(pack, RetentionPack)]


def test_a_subscription_that_cannot_be_asked_is_in_the_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run's own subscription keeps its clips, whether or not this account may see how long."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"localhost:{free_port()}")
    name = "projects/p/subscriptions/clips"
    config = Config(
        (a_site(raw_retention="1h"),), {}, {}, str(tmp_path), subscription=Subscription(name, 1, 1 << 20, 0, 0)
    )
    lines = close_evidence(config, None)
    assert lines[0].startswith("lab: 1 of 1 places may keep clips for longer than 1h: see ")
    ((holding,),) = [look.holdings for look in looks(tmp_path, "lab")]
    assert (holding.kind, holding.name, holding.verdict) == ("subscription", name, "unreadable")
    assert verify(str(tmp_path), "lab", None).packs == 1


def test_of_a_site_without_a_clip_nothing_is_said_to_keep_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start_us = now_us()
    envelope = Envelope(1, "lab", "door", "s", 0, start_us, start_us + SECOND_US, 0, 10.0, "h264", 1, "ab" * 32)
    sites = tuple(a_site(site=site, raw_retention="1h") for site in ("lab", "hall"))
    monkeypatch.chdir(tmp_path)
    lines = close_evidence(Config(sites, {}, {}, ".", files=[ClipFile(tmp_path / "a.mp4", envelope)]), None)
    assert "1 packs of evidence in ./evidence/site=lab, sealed, not signed" in lines[-1]
    assert "hall: none of the clips were of this site, so nothing was looked at that keeps them" in lines
    assert (len(looks(tmp_path, "lab")), packs_of(str(tmp_path), "hall")) == (1, [])


def test_a_run_without_the_key_leaves_packs_unsealed_where_seals_are_signed(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    output, site = an_output(tmp_path / "out"), a_site()
    close_evidence(Config((site,), {}, {}, str(output)), load_signer(tmp_path / "key"))
    an_output(output, days=4)
    with pytest.raises(ChainError, match="give --evidence-key"):
        close_evidence(Config((site,), {}, {}, str(output)), None)
    found = verify(str(output), "lab", None)
    assert (found.faults, found.seals, found.unsealed) == ([], 3, 1)
