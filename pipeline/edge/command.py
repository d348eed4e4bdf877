"""`silhouette edge`: cameras to Pub/Sub, with a spool on disk between."""

from __future__ import annotations

import argparse
import logging
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.job import TOPIC
from pipeline.redaction import FILLS
from pipeline.usage import UsageError, instant

if TYPE_CHECKING:
    from pipeline.edge.config import EdgeConfig
    from pipeline.edge.recorder import Camera
    from pipeline.edge.redactor import Redactor
    from pipeline.edge.sources import Source
    from schemas.site import Site

# As `pipeline.edge.redactor` has them, whose import takes too long for --help; a test holds them equal.
REDACTED = ("heads", "faces")
_LEAST_SPOOL_BYTES = 10_000_000


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "edge",
        help="send clips of cameras to Pub/Sub, with a spool on disk between",
        description="Cuts the pictures of cameras into clips of a few seconds, at keyframes and without encoding them "
        "again where that can be, keeps them on disk, and sends them to Pub/Sub. Sound and metadata are left out. "
        "Runs until it is asked to end (SIGTERM, Ctrl-C), or until all files are sent.",
        epilog="User names and passwords of cameras: SILHOUETTE_CAMERA_<NAME>_USER and _PASSWORD (the name in "
        "capitals, - as _), or --credentials. Pub/Sub: Google's application default credentials. "
        "Exit codes: 0 ended as asked, or all files sent; 1 failed, or with --status no agent runs; 2 wrong usage.",
    )
    add_flags(parser)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the agent's flags."""
    parser.add_argument("--site", type=Path, metavar="SITE.yaml", help="site file, which names the cameras")
    parser.add_argument("--topic", metavar="TOPIC", help="where clips go, as projects/P/topics/T")
    what = parser.add_argument_group("cameras; several pairs of --camera and --source, or a file that names them")
    what.add_argument("--camera", action="append", default=[], metavar="NAME", help="a camera of the site file")
    what.add_argument(
        "--source", action="append", default=[], metavar="SOURCE",
        help="its source: rtsp://host/path, a device as /dev/video0?video_size=1280x720, or a file",
    )  # fmt: skip
    what.add_argument("--cameras", type=Path, metavar="FILE", help="YAML: cameras, a list of name and source")
    what.add_argument(
        "--credentials", type=Path, metavar="FILE", help="secret file (0600), YAML: CAMERA: {user: …, password: …}"
    )
    what.add_argument("--transport", choices=("tcp", "udp"), default="tcp", help="of rtsp (default: %(default)s)")
    files = parser.add_argument_group("sources that are files, which play in real time, as if taken now")
    files.add_argument("--start", metavar="TIME", help="capture time of the first picture, as 2026-01-05T09:00:00Z")
    files.add_argument("--fast", action="store_true", help="as fast as can be; needs --start")
    files.add_argument("--loop", action="store_true", help="begin again at the end")
    clips = parser.add_argument_group("clips")
    clips.add_argument(
        "--seconds", type=float, default=5.0, help="a clip ends with the first keyframe after (default: %(default)s)"
    )
    clips.add_argument(
        "--keys", action="append", default=[], metavar="KEYS",
        help="seal clips with the first key of a secret file, or of gcp-kms://…?id=…&wrapped=…; may be repeated",
    )  # fmt: skip
    covered = parser.add_argument_group("redacted clips: covered and encoded again before they are kept")
    covered.add_argument(
        "--redact", choices=REDACTED, help="cover these; who is covered whole could not be counted (default: nothing)"
    )
    covered.add_argument("--redact-fill", choices=FILLS, help=f"how they are covered (default: {FILLS[0]})")
    spool = parser.add_argument_group("spool")
    spool.add_argument("--spool", type=Path, metavar="DIR", help="folder for clips that wait (default: of the user's)")
    spool.add_argument("--spool-bytes", default="8GB", metavar="SIZE", help="its bound (default: %(default)s)")
    spool.add_argument("--spool-key", type=Path, metavar="FILE", help="its key, made with the spool (default: in it)")
    spool.add_argument("--plain-spool", action="store_true", help="encrypt no more clips; the key still opens others")
    sending = parser.add_argument_group("sending and telling")
    sending.add_argument(
        "--in-flight", default="32MB", metavar="SIZE", help="on its way at once (default: %(default)s)"
    )
    sending.add_argument("--heartbeats", metavar="TOPIC", help="where heartbeats go, as projects/P/topics/T")
    sending.add_argument("--heartbeat-every", metavar="TIME", help="default: 30s")
    sending.add_argument(
        "--clock-limit", default="500ms", metavar="TIME", help="offset that the clock may have (default: %(default)s)"
    )
    sending.add_argument(
        "--prometheus", metavar="[HOST:]PORT", help="serve metrics there (default host: 127.0.0.1; port 0: any)"
    )
    sending.add_argument("--status", action="store_true", help="print the state of the agent that uses --spool")


def run(args: argparse.Namespace) -> int:
    """Run the agent, or print the state of one; returns the exit code."""
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.edge.agent import run_agent
    from pipeline.edge.sources import SourceError
    from pipeline.edge.spool import SpoolError
    from pipeline.secrets import SecretError
    from pipeline.sites import SiteFileError

    try:
        if args.status:
            _check_status(args)
            return _status(args)
        config = configure(args)
    except (UsageError, SourceError, SecretError, SiteFileError) as error:
        print(f"silhouette edge: {error}", file=sys.stderr)
        return USAGE
    _log_to_stderr()
    try:
        return OK if run_agent(config) else FAILED
    except (SpoolError, SecretError) as error:
        print(f"silhouette edge: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:
        told = (error.filename, error.strerror or type(error).__name__)
        print(f"silhouette edge: {': '.join(str(each) for each in told if each)}", file=sys.stderr)
        return FAILED


def configure(args: argparse.Namespace) -> EdgeConfig:
    """Turn flags into a configuration, everything checked.

    Raises:
      UsageError: a flag does not fit.
      SourceError: a source cannot be used.
      SecretError: a secret cannot be had.
      SiteFileError: the site file has mistakes.
    """
    from pipeline.edge.config import MOST_BYTES, EdgeConfig
    from pipeline.edge.pieces import Limits
    from pipeline.edge.spool import KEY_FILE
    from pipeline.keys import load_keys
    from schemas.clock import SECOND_US

    site = _site(args)
    for flag, topic in (("--topic", args.topic), ("--heartbeats", args.heartbeats)):
        if topic is not None and not re.fullmatch(TOPIC, topic):
            raise UsageError(f"{flag}: must be written projects/PROJECT/topics/TOPIC")
    if args.topic is None:
        raise UsageError("--topic: say where clips go, as projects/PROJECT/topics/TOPIC")
    if args.heartbeats == args.topic:
        raise UsageError("--heartbeats: must be another topic than --topic, whose reader would take them for bad clips")
    if not 1 <= args.seconds <= 60:
        raise UsageError("--seconds: must be from 1 to 60")
    if args.heartbeat_every is not None and args.heartbeats is None:
        raise UsageError("--heartbeat-every: say where heartbeats go, with --heartbeats")
    spool = _spool(args)
    return EdgeConfig(
        site=site.site,
        cameras=_cameras(args, site),
        topic=args.topic,
        limits=Limits(round(args.seconds * SECOND_US), MOST_BYTES),
        spool=spool,
        spool_bytes=_size("--spool-bytes", args.spool_bytes, _LEAST_SPOOL_BYTES),
        spool_key=args.spool_key or spool / KEY_FILE,
        plain_spool=args.plain_spool,
        retention_us=site.raw_retention,
        keys=load_keys(args.keys) if args.keys else None,
        in_flight_bytes=_size("--in-flight", args.in_flight, 1),
        heartbeats=args.heartbeats,
        heartbeat_s=_duration_us("--heartbeat-every", args.heartbeat_every or "30s") / SECOND_US,
        clock_limit_us=_duration_us("--clock-limit", args.clock_limit),
        prometheus=_address(args.prometheus),
        redactors=_redactors(args, site),
    )


def _redactors(args: argparse.Namespace, site: Site) -> dict[str, Redactor]:
    """Return what covers the clips of each camera of the site; nothing where nothing is asked for."""
    from pipeline.edge.redactor import Redactor
    from pipeline.redaction import choose_eyes
    from transforms.redaction.eyes import open_eyes
    from transforms.redaction.what import Redaction

    if args.redact is None:
        if args.redact_fill is not None:
            raise UsageError("--redact-fill: say by --redact what is to be covered, or leave it out")
        return {}
    models, _ = choose_eyes(args.redact, None, None, "--redact")
    eyes = open_eyes(models)
    redaction = Redaction(args.redact, args.redact_fill or "solid")
    return {camera.name: Redactor(redaction, eyes, camera.masks) for camera in site.cameras}


def _site(args: argparse.Namespace) -> Site:
    from pipeline.sites import load_sites

    if args.site is None:
        raise UsageError("--site: name the site file")
    sites = load_sites(args.site)
    if len(sites) != 1:
        raise UsageError(f"--site: {args.site} holds {len(sites)} sites, and an agent serves one: name its file")
    return sites[0]


def _cameras(args: argparse.Namespace, site: Site) -> tuple[Camera, ...]:
    """Return the cameras, each one of the site's, with its source and credentials."""
    from pipeline.edge.credentials import find_credentials
    from pipeline.edge.recorder import Camera
    from schemas.fields import nearest

    sources = _sources(args)
    known = [camera.name for camera in site.cameras]
    for name, source in sources.items():
        if name not in known:
            hint = nearest(name, known) or f"; known are {', '.join(known)}"
            raise UsageError(f"--camera: {args.site} has no camera {name}{hint}")
        if source.kind == "file" and not Path(source.address).is_file():
            raise UsageError(f"--source: camera {name}: there is no such file")
    credentials = find_credentials(sources, args.credentials)
    for name, source in sources.items():
        if name in credentials and source.kind != "rtsp":
            raise UsageError(f"--source: camera {name} is asked for no credentials, and there are some: leave them out")
        if source.wants_credentials and name not in credentials:
            raise UsageError(f"--source: camera {name}: its address has {{user}} or {{password}}, and there are none")
    return tuple(Camera(site.site, name, source, credentials.get(name)) for name, source in sources.items())


def _sources(args: argparse.Namespace) -> dict[str, Source]:
    from pipeline.edge.config import load_cameras
    from pipeline.edge.sources import parse_source

    if args.cameras is not None:
        if args.camera or args.source or args.start or args.fast or args.loop or args.transport != "tcp":
            raise UsageError("--cameras: names cameras, sources and what goes with them: leave the other flags out")
        try:
            sources = load_cameras(args.cameras)
        except OSError as error:
            raise UsageError(f"--cameras: {args.cameras}: {error.strerror}") from None
        if not sources:
            raise UsageError(f"--cameras: {args.cameras} names no camera")
        return sources
    if not args.camera or len(args.camera) != len(args.source):
        raise UsageError("--camera, --source: give them in pairs, one or more, or --cameras FILE")
    if len(set(args.camera)) < len(args.camera):
        raise UsageError("--camera: one is given twice: a camera has one source")
    start_us = instant("--start", args.start)
    return {
        name: parse_source(
            name, source, transport=args.transport, start_us=start_us, fast=args.fast, loop=args.loop
        )
        for name, source in zip(args.camera, args.source, strict=True)
    }  # fmt: skip


def _spool(args: argparse.Namespace) -> Path:
    from platformdirs import user_state_path

    return args.spool if args.spool is not None else user_state_path("silhouette") / "edge"


def _size(flag: str, text: str, least: int) -> int:
    from pydantic import ByteSize, TypeAdapter, ValidationError

    try:
        size = int(TypeAdapter(ByteSize).validate_python(text))
    except ValidationError:
        size = -1
    if size < least:
        raise UsageError(f"{flag}: must be a size such as 500MB or 8GB, {least:,} bytes at least")
    return size


def _duration_us(flag: str, text: str) -> int:
    from pydantic_core import PydanticCustomError

    from schemas.fields import parse_duration

    try:
        duration_us = parse_duration(text)
    except PydanticCustomError as error:
        raise UsageError(f"{flag}: {error.message()}") from None
    if not duration_us:
        raise UsageError(f"{flag}: must be more than 0")
    return duration_us


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise UsageError("--prometheus: must be a port, as 9464, or an address and a port, as 0.0.0.0:9464")
    return host.strip("[]") or "127.0.0.1", int(port)


def _check_status(args: argparse.Namespace) -> None:
    """Refuse what --status could do nothing with: all but the spool."""
    flags = argparse.ArgumentParser(add_help=False)
    add_flags(flags)
    for flag in flags._actions:
        if flag.dest not in ("status", "spool") and getattr(args, flag.dest) != flag.default:
            raise UsageError(f"{flag.option_strings[0]}: --status shows what is in --spool alone; leave it out")


def _status(args: argparse.Namespace) -> int:
    from pipeline.cli import FAILED, OK
    from pipeline.console import plain_console
    from pipeline.edge.view import NoStatusError, show_status

    try:
        return OK if show_status(_spool(args), plain_console()) else FAILED
    except NoStatusError as error:
        print(f"silhouette edge: {error}", file=sys.stderr)
        return FAILED


def _log_to_stderr() -> None:
    """Log what this package says, and nothing of others': their words may quote addresses."""
    logging.getLogger().addHandler(logging.NullHandler())
    own = logging.getLogger("pipeline.edge")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    own.addHandler(handler)
    own.setLevel(logging.INFO)
    own.propagate = False
