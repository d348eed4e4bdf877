"""A job's flags, and the configuration that they make: shared by `silhouette run` and `silhouette submit`."""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.spans import open_spans, spans_of_clips
from pipeline.usage import Once, UsageError, instant
from schemas.clock import SECOND_US

if TYPE_CHECKING:
    from pipeline.archive import ClipFile
    from pipeline.config import Config
    from pipeline.pubsub import Subscription
    from schemas.site import Site
    from transforms.arrivals import CameraKey
    from transforms.decode import ClipLimits
    from transforms.detect import Model
    from transforms.verdict import Verdict

# As `transforms.guard` has them, whose import takes too long for --help; a test holds them equal.
ON_BIOMETRIC = ("drop", "fail")

_PROJECT, _RESOURCE = r"[a-z][-a-z0-9:.]{4,61}[a-z0-9]", r"[a-zA-Z][-a-zA-Z0-9_.~+%]{2,254}"
SUBSCRIPTION = rf"projects/{_PROJECT}/subscriptions/{_RESOURCE}"
TOPIC = rf"projects/{_PROJECT}/topics/{_RESOURCE}"
"""Names as Pub/Sub has them; a project's has 6 characters at least."""
STREAM: dict[str, Any] = {
    "disorder": "30s", "flush": "5m", "readers": 4, "in_flight": 64, "dead_letter_topic": None,
}  # fmt: skip
"""Flags that only a subscription has, by destination, and their defaults."""


def add_job_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `configure` reads."""
    from pipeline.redaction import add_redaction_flags
    from transforms.decode import ClipLimits

    parser.add_argument(
        "--site", type=Path, action=Once, required=True, metavar="SITE.yaml", help="site file, or a folder of them"
    )
    parser.add_argument(
        "--input", "--clips", dest="input", nargs="+", action="extend", required=True, metavar="INPUT",
        help="a Pub/Sub subscription, projects/PROJECT/subscriptions/NAME; or clips and folders of them, each with its "
        "envelope NAME.json beside it",
    )  # fmt: skip
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="folder for the records, here or gs://BUCKET/FOLDER"
    )
    parser.add_argument(
        "--released", metavar="DIR",
        help="of clips: records that were published before; what a family with k said there is changed only where each "
        "changed cell moves by k or more (default: those in --output)",
    )  # fmt: skip
    own = parser.add_argument_group("clips without an envelope")
    own.add_argument("--camera", help="their camera (default: the site's only one)")
    own.add_argument(
        "--start", metavar="TIME",
        help="capture start of the one clip given, as 2026-01-05T09:00:00Z (default: the container's creation time)",
    )  # fmt: skip
    own.add_argument("--fps", type=float, help="true frames a second (default: what the container says)")
    span = parser.add_argument_group("stretch of time to report")
    span.add_argument(
        "--from", dest="from_", metavar="TIME",
        help="default: from the window of each site's first clip; of a subscription, from the start of the job, or of "
        "the one whose state it goes on with",
    )  # fmt: skip
    span.add_argument(
        "--until", metavar="TIME",
        help="default: until the window of each site's last clip; of a subscription, for ever",
    )  # fmt: skip
    stream = parser.add_argument_group("a subscription")
    stream.add_argument("--disorder", metavar="TIME", help=f"wait so long for others (default: {STREAM['disorder']})")
    stream.add_argument("--flush", metavar="TIME", help=f"gather records so long (default: {STREAM['flush']})")
    stream.add_argument(
        "--readers", type=int, help=f"how many pull at once (default: {STREAM['readers']}; Dataflow has its own)"
    )
    stream.add_argument(
        "--in-flight", type=int, metavar="MIB",
        help=f"most that a process has pulled ahead (default: {STREAM['in_flight']}; Dataflow has its own)",
    )  # fmt: skip
    stream.add_argument(
        "--dead-letter-topic", metavar="TOPIC", help="publish dead letters too, to projects/PROJECT/topics/NAME"
    )
    parser.add_argument(
        "--keys", action="append", default=[], metavar="ADDRESS",
        help="keys of sealed clips: a file that only its owner may read, for a cluster by its whole path there, or an "
        "address in Cloud KMS; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--on-biometric", choices=ON_BIOMETRIC, default="drop",
        help="what to do with a field that must not leave (default: %(default)s)",
    )  # fmt: skip
    add_redaction_flags(parser)
    limits = parser.add_argument_group("limits of a clip; one beyond goes to the dead letters")
    for field in fields(ClipLimits):
        kind = float if isinstance(field.default, float) else int
        limits.add_argument(
            _limit_flag(field.name), dest=field.name, type=kind, default=field.default, help="default: %(default)s"
        )


def _limit_flag(limit: str) -> str:
    return "--" + limit.replace("_", "-").replace("max-", "max-clip-")


def configure(args: argparse.Namespace) -> Config:
    """Turn flags into a configuration, everything checked.

    Args:
      args: What `add_job_flags` added. Besides, where the command has them: `until_idle`, the quiet after which a
        subscription counts as read; `ends`, whether the runner writes nothing before its input has ended; `resumes`,
        whether the job goes on with the state of one before;
        `models_at`, the folder where remote workers have the models, each named by its hash; here too, if the job is
        submitted from their image.

    Raises:
      UsageError: a flag does not fit, or a model cannot be used; the text names the flag, or the site file.
      SiteFileError: a site file has mistakes.
      pipeline.lineage.LineageError: what the output's records were made with cannot be read.
      pipeline.storage.StorageError: the output's bucket cannot be had.
    """
    from pipeline.archive import ArchiveError
    from pipeline.config import Config
    from pipeline.redaction import redaction_of
    from pipeline.released import released_before
    from pipeline.sites import load_sites

    try:
        sites = load_sites(args.site)
    except OSError as error:
        raise UsageError(f"--site: {error.strerror}: {args.site}") from error
    limits = _limits(args)
    subscription = _subscription(args, sites)
    try:
        files = _clips(args, sites) if subscription is None else []
    except ArchiveError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"--clips: {error.filename}: {error.strerror}") from error
    there = Path(args.models_at) if hasattr(args, "models_at") else None
    models, admissions = _models(args, sites, there)
    redaction, eyes, looking = redaction_of(args, models, there)
    output = _output(args.output)
    _check_keys(args.keys, remote=there is not None)
    return Config(
        sites=sites,
        models=models,
        spans=spans_of_clips(args, sites, files, limits) if subscription is None else open_spans(args, sites, output),
        output=output,
        files=files,
        subscription=subscription,
        bounded=subscription is None or getattr(args, "ends", False),
        flush_us=_duration(args, "flush"),
        dead_letter_topic=args.dead_letter_topic,
        keys=tuple(args.keys),
        released=None if subscription is not None else released_before(args.released, output),
        limits=limits,
        redaction=redaction,
        eyes=eyes,
        on_biometric=args.on_biometric,
        admissions=looking | admissions,
    )


def _limits(args: argparse.Namespace) -> ClipLimits:
    from transforms.decode import ClipLimits

    limits = {field.name: getattr(args, field.name) for field in fields(ClipLimits)}
    for name, value in limits.items():
        if not 0 < value < math.inf:
            raise UsageError(f"{_limit_flag(name)}: must be positive")
    return ClipLimits(**limits)


def _output(given: str) -> str:
    """Return the output folder; a local one is made."""
    from pipeline.storage import is_remote

    if is_remote(given):
        if not re.fullmatch(r"gs://[^/\s?#*\[\]]+(/[^\s?#*\[\]]*)?", given):
            raise UsageError(f"--output: {given}: name a local folder, or one in a bucket as gs://BUCKET/FOLDER")
        return given.rstrip("/")
    try:
        Path(given).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--output: {given}: {error.strerror}; name a folder that can be made") from error
    if not os.access(given, os.W_OK | os.X_OK):
        raise UsageError(f"--output: {given} must not be written to; name another folder, or get the rights")
    return str(Path(given))


def _subscription(args: argparse.Namespace, sites: Sequence[Site]) -> Subscription | None:
    """Return the subscription that --input names; None where it names files."""
    from pipeline.pubsub import LARGEST_MESSAGE, Subscription
    from transforms.kept import LONGEST_CLIP_US

    until_idle = getattr(args, "until_idle", None)
    ends = getattr(args, "ends", False)
    for given in args.input:
        if re.match(r"projects/[^/]*/", given) and not re.fullmatch(SUBSCRIPTION, given) and not Path(given).exists():
            raise UsageError(f"--input: {given}: a subscription is written projects/PROJECT/subscriptions/NAME")
    if not any(re.fullmatch(SUBSCRIPTION, given) for given in args.input):
        if until_idle is not None:
            raise UsageError("--until-idle: files end by themselves; leave it out")
        refuse_stream_flags(args, STREAM)
        return None
    if args.released is not None:
        raise UsageError("--released: is for a replay of clips; leave it out")
    if len(args.input) != 1:
        raise UsageError("--input: one subscription, or any number of clips and folders, not both")
    if args.camera or args.start or args.fps:
        raise UsageError("--camera, --start, --fps: the clips of a subscription have envelopes, which say so")
    if ends and until_idle is None:
        raise UsageError(
            "--runner: the local runner writes nothing before its input ends, and a subscription does not end: add "
            "--until-idle 30s, take --runner prism, or send the job to Flink or Dataflow with `silhouette submit`"
        )
    if ends:
        for name in ("disorder", "flush"):
            if getattr(args, name) is not None:
                raise UsageError(
                    f"--{name}: the local runner counts and writes once all clips are there; leave it out, or take "
                    "--runner prism"
                )
    for name, default in STREAM.items():
        if getattr(args, name) is None:
            setattr(args, name, default)
    if not ends and args.max_seconds * SECOND_US > LONGEST_CLIP_US:
        raise UsageError(
            f"--max-clip-seconds: at most {LONGEST_CLIP_US // SECOND_US} for a subscription, so that a clip that comes "
            "late finds those that it overlaps; have the agents cut shorter clips, or count an archive of them"
        )
    if args.readers < 1:
        raise UsageError("--readers: at least 1")
    if args.in_flight << 20 < LARGEST_MESSAGE:
        raise UsageError(f"--in-flight: at least {-(-LARGEST_MESSAGE >> 20)} MiB, for a clip of the largest size")
    if args.dead_letter_topic is not None and not re.fullmatch(TOPIC, args.dead_letter_topic):
        raise UsageError("--dead-letter-topic: is written projects/PROJECT/topics/NAME")
    return Subscription(
        args.input[0],
        readers=args.readers,
        in_flight_bytes=args.in_flight << 20,
        disorder_us=_duration(args, "disorder"),
        pause_us=min(site.lateness for site in sites),
        until_idle_us=None if until_idle is None else _duration(args, "until_idle"),
        acknowledge_late=ends,
    )


def refuse_stream_flags(args: argparse.Namespace, names: Iterable[str]) -> None:
    """Refuse flags, by destination, that only a subscription has, where --input names files.

    Raises:
      UsageError: one is given.
    """
    for name in names:
        if getattr(args, name) is not None:
            flag = name.replace("_", "-")
            raise UsageError(f"--{flag}: is for a subscription, and --input names files; leave it out")


def _duration(args: argparse.Namespace, name: str) -> int:
    from pydantic_core import PydanticCustomError

    from schemas.fields import parse_duration

    given = getattr(args, name)
    try:
        return parse_duration(STREAM[name] if given is None else given)
    except PydanticCustomError:
        raise UsageError(f"--{name.replace('_', '-')}: is written like 30s, 5m or 1h") from None


def _check_keys(addresses: Sequence[str], *, remote: bool) -> None:
    """Load the keys once, so that a bad address is told before the job begins; of remote workers' look at the form."""
    from pipeline.keys import check_remote, load_keys
    from pipeline.secrets import SecretError

    try:
        if remote:
            for address in addresses:
                check_remote(address)
        else:
            load_keys(addresses)
    except SecretError as error:
        raise UsageError(f"--keys: {str(error).removeprefix('--keys: ')}") from None


def _models(
    args: argparse.Namespace, sites: Sequence[Site], there: Path | None
) -> tuple[dict[CameraKey, Model], dict[str, Verdict]]:
    """Find each camera's model, and open each once, so that one that is refused is told before the job begins."""
    from pipeline.models.cards import ModelError
    from pipeline.models.registry import named_by_hash, resolve
    from pipeline.sites import folder_of
    from transforms.admission import ModelRefused
    from transforms.detector import Detector

    path: Path = args.site
    folder = folder_of(path)
    found: dict[str, Model] = {}
    models, admissions = {}, {}
    for site in sites:
        for camera in site.cameras:
            if camera.model not in found:
                try:
                    card, file = resolve(camera.model, folder, there)
                    detector = Detector.open(card, file)
                except (ModelError, ModelRefused, OSError) as error:
                    where = f"{path}: site {site.site}" if path.is_dir() else f"{path}"
                    raise UsageError(f"{where}: camera {camera.name}: {error}") from error
                found[camera.model] = card, named_by_hash(card, there) if there else file.absolute()
                admissions[card.sha256] = detector.verdict
            models[site.site, camera.name] = found[camera.model]
    return models, admissions


def _clips(args: argparse.Namespace, sites: Sequence[Site]) -> list[ClipFile]:
    """Find the clips; those without an envelope are what the flags say."""
    from pipeline.archive import NO_ENVELOPE, Capture, find_clips

    cameras = [
        (site.site, camera.name) for site in sites for camera in site.cameras if args.camera in (None, camera.name)
    ]
    if args.camera is not None and len(cameras) != 1:
        known = ", ".join(sorted({camera.name for site in sites for camera in site.cameras}))
        raise UsageError(
            f"--camera: {len(cameras)} cameras of the site files are named {args.camera}; they have {known}"
        )
    if args.fps is not None and not 0 < args.fps <= 1000:
        raise UsageError("--fps: must be above 0 and at most 1000")
    start_us = instant("--start", args.start)
    capture = Capture(*cameras[0], start_us, args.fps) if len(cameras) == 1 else None
    files = find_clips([Path(given) for given in args.input], capture)
    alone = [file for file in files if not file.path.with_suffix(".json").exists()]
    if not alone and (args.camera or args.start or args.fps):
        raise UsageError("--camera, --start, --fps: every clip has an envelope, which says so; leave them out")
    if alone and all(file.fault == NO_ENVELOPE for file in files):
        if capture is None:
            raise UsageError(f"--camera: {alone[0].path.name} has no envelope; say which camera recorded it")
        raise UsageError(
            f"--start, --fps: {alone[0].path.name} has no envelope, and its headers do not say both when it was "
            "recorded and its frames a second; give the flags"
        )
    return files
