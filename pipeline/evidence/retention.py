"""What keeps clips besides the job's memory, as found, against the site file's `raw_retention`.

Looked at live: the clip topic with every subscription, snapshot, export and dead-letter policy on it; folders of the
edge spool, of archives, of Flink's checkpoints and savepoints. What cannot be looked at is told as unreadable, never
left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError

from pipeline import storage
from pipeline.archive import ArchiveError, ClipFile, envelope_path, find_clips
from pipeline.edge.spool import CLIP_NAME, CLIPS, OWN_FILES
from pipeline.evidence.sink import write_pack
from pipeline.video_file import EXTENSIONS
from schemas.clock import SECOND_US, micros, now_us, to_rfc3339
from schemas.evidence import VERSION, canonical
from schemas.seals import Holding, RetentionPack
from schemas.site import Site
from transforms.evidence import date_of
from transforms.pack import SitePack

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

_UNASKED = (GoogleAPIError, GoogleAuthError)
"""Pub/Sub refuses, cannot be reached, or there are no credentials for it."""
_CALL_S = 20.0
_SNAPSHOT_S = 7 * 86_400.0  # by Pub/Sub's own rule
_OLDEST = "oldest capture, or file, in it"
_OLDEST_UPLOAD = "oldest file in it, by when it was uploaded: envelopes in a bucket are not read"


class Judge:
    """Draws verdicts against what a site file says.

    Args:
      raw_retention_us: How long clips may be kept anywhere.
      now: The instant of the look.
    """

    def __init__(self, raw_retention_us: int, now: int) -> None:
        self.limit_s = raw_retention_us / SECOND_US
        self._now = now

    def bounded(self, kind: Any, name: str, keeps_s: float, why: str) -> Holding:
        """Return a place that keeps a clip for so long at most."""
        verdict: Any = "over" if keeps_s > self.limit_s else "within"
        return Holding(kind=kind, name=name, keeps_seconds=keeps_s, oldest_seconds=None, verdict=verdict, why=why)

    def unbounded(self, kind: Any, name: str, why: str) -> Holding:
        """Return a place whose bound is not this service's to know."""
        return Holding(kind=kind, name=name, keeps_seconds=None, oldest_seconds=None, verdict="unbounded", why=why)

    def unreadable(self, kind: Any, name: str, error: BaseException) -> Holding:
        """Return a place that could not be looked at; the fault by its class alone."""
        why = f"could not be looked at: {type(error).__name__}"
        return Holding(kind=kind, name=name, keeps_seconds=None, oldest_seconds=None, verdict="unreadable", why=why)

    def found(self, kind: Any, name: str, captured_us: Iterable[int], what: str) -> Holding:
        """Return a folder by the age of the oldest thing in it."""
        oldest_us = min(captured_us, default=None)
        if oldest_us is None:
            return Holding(kind=kind, name=name, keeps_seconds=None, oldest_seconds=None, verdict="within", why="empty")
        age_s = max(0.0, (self._now - oldest_us) / SECOND_US)
        verdict: Any = "over" if age_s > self.limit_s else "within"
        return Holding(kind=kind, name=name, keeps_seconds=None, oldest_seconds=age_s, verdict=verdict, why=what)


def collect(
    site: Site,
    *,
    topics: Sequence[str] = (),
    subscriptions: Sequence[str] = (),
    spools: Sequence[Path] = (),
    archives: Sequence[str] = (),
    checkpoints: Sequence[str] = (),
    files: Sequence[ClipFile] = (),
    clients: tuple[PublisherClient, SubscriberClient] | None = None,
) -> RetentionPack:
    """Look at every place; returns what was found.

    Args:
      site: The site file; it must say `raw_retention`.
      topics: Topics that clips are published to.
      subscriptions: Subscriptions that clips are read from; their topics are looked at.
      spools: Folders of edge spools.
      archives: Folders of clips, here or `gs://…`.
      checkpoints: Folders of Flink's checkpoints and savepoints.
      files: Clips that a run was given.
      clients: Clients of Pub/Sub; by default those of the environment.
    """
    assert site.raw_retention is not None
    now = now_us()
    judge = Judge(site.raw_retention, now)
    holdings = [
        *(holding for topic in topics for holding in topic_holdings(topic, judge, clients)),
        *(holding for each in subscriptions for holding in subscription_holdings(each, judge, clients)),
        *(_folder(judge, "spool", str(spool), _spooled(spool), _OLDEST) for spool in spools),
        *(
            _folder(judge, "archive", each, _captured(each), _OLDEST_UPLOAD if storage.is_remote(each) else _OLDEST)
            for each in archives
        ),
        *(
            _folder(judge, "checkpoints", each, _changed(each), "oldest file in it; it holds boxes, and no picture")
            for each in checkpoints
        ),
        *_given(judge, site, files),
    ]
    return RetentionPack(
        version=VERSION,
        kind="retention",
        site=site.site,
        date=date_of(now),
        checked=to_rfc3339(now),
        raw_retention_seconds=site.raw_retention / SECOND_US,
        holdings=tuple(holdings),
    )


def write_retention(output: str, pack: RetentionPack) -> str:
    """Write what was found beside the packs of days; returns its name."""
    return write_pack(output, SitePack(pack.site, pack.date, canonical(pack.model_dump(mode="json"))))


def excesses(pack: RetentionPack) -> list[Holding]:
    """Return what is not within what the site file says, or could not be looked at."""
    return [holding for holding in pack.holdings if holding.verdict != "within"]


def topic_holdings(
    topic: str, judge: Judge, clients: tuple[PublisherClient, SubscriberClient] | None = None
) -> Iterator[Holding]:
    """Yield what a topic keeps, and everything that hangs on it."""
    try:
        publisher, subscriber = clients or _clients()
    except GoogleAuthError as error:
        yield judge.unreadable("topic", topic, error)
        return
    yield from _topic(topic, judge, publisher, subscriber, {topic})


def subscription_holdings(
    name: str, judge: Judge, clients: tuple[PublisherClient, SubscriberClient] | None = None
) -> Iterator[Holding]:
    """Yield what the topic of a subscription keeps, and everything that hangs on it."""
    try:
        publisher, subscriber = clients or _clients()
        topic = subscriber.get_subscription(subscription=name, timeout=_CALL_S, retry=None).topic
    except _UNASKED as error:
        yield judge.unreadable("subscription", name, error)
        return
    yield from _topic(topic, judge, publisher, subscriber, {topic})


def _clients() -> tuple[PublisherClient, SubscriberClient]:
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

    return PublisherClient(), SubscriberClient()


def _topic(
    topic: str, judge: Judge, publisher: PublisherClient, subscriber: SubscriberClient, seen: set[str]
) -> Iterator[Holding]:
    try:
        kept = publisher.get_topic(topic=topic, timeout=_CALL_S, retry=None).message_retention_duration
        if kept:
            yield judge.bounded("topic", topic, kept.total_seconds(), "message_retention_duration of the topic")
        else:
            yield judge.bounded("topic", topic, 0.0, "keeps nothing beyond what its subscriptions do")
    except _UNASKED as error:
        yield judge.unreadable("topic", topic, error)
    try:
        names = list(publisher.list_topic_subscriptions(topic=topic, timeout=_CALL_S, retry=None))
    except _UNASKED as error:
        yield judge.unreadable("subscription", f"{topic}, all of its subscriptions", error)
        names = []
    for name in names:
        yield from _subscription(name, judge, publisher, subscriber, seen)
    try:
        snapshots = list(publisher.list_topic_snapshots(topic=topic, timeout=_CALL_S, retry=None))
    except _UNASKED as error:
        yield judge.unreadable("snapshot", f"{topic}, all of its snapshots", error)
        snapshots = []
    for name in snapshots:
        yield _snapshot(name, judge, subscriber)


def _subscription(
    name: str, judge: Judge, publisher: PublisherClient, subscriber: SubscriberClient, seen: set[str]
) -> Iterator[Holding]:
    try:
        found = subscriber.get_subscription(subscription=name, timeout=_CALL_S, retry=None)
    except _UNASKED as error:
        yield judge.unreadable("subscription", name, error)
        return
    acked = "acknowledged clips too" if found.retain_acked_messages else "clips until they are acknowledged"
    kept_s = found.message_retention_duration.total_seconds()
    yield judge.bounded("subscription", name, kept_s, f"message_retention_duration: {acked}")
    exports = {
        "BigQuery": found.bigquery_config.table,
        "Cloud Storage": found.cloud_storage_config.bucket,
        "a push endpoint": found.push_config.push_endpoint,
    }
    for where, target in exports.items():
        if target:
            yield judge.unbounded("export", name, f"copies clips to {where}, whose retention is not seen here")
    dead = found.dead_letter_policy.dead_letter_topic
    if dead:
        yield judge.unbounded("dead_letter_policy", name, f"hands whole clips on to {dead}, told by itself"[:200])
        if dead not in seen:
            seen.add(dead)
            yield from _topic(dead, judge, publisher, subscriber, seen)


def _snapshot(name: str, judge: Judge, subscriber: SubscriberClient) -> Holding:
    try:
        snapshot = subscriber.get_snapshot(snapshot=name, timeout=_CALL_S, retry=None)
    except _UNASKED as error:  # it may have just expired
        return judge.unreadable("snapshot", name, error)
    until = to_rfc3339(micros(snapshot.expire_time))[:10]
    return judge.bounded("snapshot", name, _SNAPSHOT_S, f"expires a week after its oldest message came, on {until}")


def _folder(judge: Judge, kind: Any, name: str, captured_us: Iterable[int], what: str) -> Holding:
    try:
        return judge.found(kind, name, list(captured_us), what)
    except (OSError, ArchiveError) as error:
        return judge.unreadable(kind, name, error)


def _spooled(folder: Path) -> Iterator[int]:
    """Yield the capture starts in a spool by the names of its files, for they are encrypted; of any other, its time."""
    os.listdir(folder / CLIPS)  # raises where it is no spool, or is not to be read
    others = []
    for path in folder.rglob("*"):
        if match := CLIP_NAME.fullmatch(path.name):
            yield int(match[2])
        elif path.parent != folder or path.name not in OWN_FILES:
            others.append(path)
    yield from _written(others)


def _captured(folder: str) -> Iterator[int]:
    """Yield the capture starts in an archive; of what has no envelope, or lies in a bucket, when it was written."""
    if storage.is_remote(folder):
        yield from _changed(folder)
        return
    root = Path(folder)
    if not root.is_file():
        os.listdir(root)  # raises where it is not there, or is not to be read
    files = [root] if root.is_file() else [path for path in root.rglob("*") if path.is_file()]
    clips = find_clips([path for path in files if path.suffix.lower() in EXTENSIONS])
    told = [clip for clip in clips if clip.envelope is not None]
    yield from (clip.envelope.start_us for clip in told if clip.envelope is not None)
    known = {path for clip in told for path in (clip.path, envelope_path(clip.path))}
    yield from _written(path for path in files if path not in known)


def _written(paths: Iterable[Path]) -> Iterator[int]:
    """Yield when files were written; one that is gone by now is left out."""
    for path in paths:
        with suppress(FileNotFoundError):
            if path.is_file():
                yield path.stat().st_mtime_ns // 1000


def _start_us(file: ClipFile) -> int:
    return file.path.stat().st_mtime_ns // 1000 if file.envelope is None else file.envelope.start_us


def _changed(folder: str) -> Iterator[int]:
    """Yield when each file under a folder was changed last."""
    yield from (at_us for _, at_us in storage.changed(folder))


def _given(judge: Judge, site: Site, files: Sequence[ClipFile]) -> Iterator[Holding]:
    """Yield the folders of the clips of a site that a run was given."""
    folders: dict[str, list[int]] = {}
    for file in files:
        if file.envelope is None or file.envelope.site == site.site:
            folders.setdefault(str(file.path.parent), []).append(_start_us(file))
    for name, starts in sorted(folders.items()):
        yield judge.found("archive", name, starts, "oldest capture of the clips that were given")
