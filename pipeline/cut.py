"""`silhouette cut`: a video file to clips of a few seconds, each with its envelope beside it."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.usage import UsageError, instant
from schemas.clock import SECOND_US

if TYPE_CHECKING:
    from schemas.envelope import Envelope


class CutError(Exception):
    """A video that cannot be cut; the text says why and what to do."""


class CutUsageError(CutError):
    """A flag is wrong or missing; the text names it."""


@dataclass(frozen=True)
class CutClip:
    """A clip that was written: its file and its envelope, which lies beside it as `NAME.json`."""

    path: Path
    envelope: Envelope


@dataclass(frozen=True)
class Cut:
    """What was made of a video.

    Attributes:
      clips: In order of time; the end of one is the start of the next.
      reencoded: Why the video was encoded again, None if it was not.
      left_out: Pictures before the first keyframe, which cannot be decoded.
    """

    clips: tuple[CutClip, ...]
    reencoded: str | None
    left_out: int


@dataclass(frozen=True)
class _Piece:
    """A clip before it is written: times in microseconds since the video's first frame."""

    start_us: int
    end_us: int
    frames: int
    codec: str
    payload: bytes


@dataclass(frozen=True)
class _Plan:
    """Where to cut without encoding again.

    Attributes:
      cuts: Numbers of the packets, in decoding order, with which clips begin; then the number of packets.
      times_us: Time of presentation of each packet since the first frame.
      end_us: End of the last frame.
    """

    cuts: list[int]
    times_us: list[int]
    end_us: int


def cut(
    source: Path,
    out: Path,
    *,
    site: str,
    camera: str,
    start_us: int | None = None,
    fps: float | None = None,
    seconds: float = 10.0,
) -> Cut:
    """Cut a video file into clips in a folder.

    Clips begin at keyframes and are not encoded again, unless their container cannot hold the codec, or the
    keyframes are further apart than a clip is long. Every frame of the video is in exactly one clip. The same
    video and arguments make the same files; a file is complete when it is visible.

    Args:
      source: The video.
      out: Folder for the clips, made if it is not there.
      site: Name of the site, for the envelopes.
      camera: Name of the camera, for the envelopes and the file names.
      start_us: Capture time of the first frame; by default the container's creation time, never the file's.
      fps: True frames a second, where the container is wrong.
      seconds: Length of a clip at most, for re-encoded ones exactly.

    Raises:
      CutUsageError: an argument is wrong, or must be given.
      CutError: the video cannot be decoded.
      OSError: a file cannot be read or written.
    """
    from pipeline.video_file import creation_time_us, open_video, session_of
    from schemas.envelope import EnvelopeError
    from schemas.fields import NAME
    from transforms.decode import ClipError, frame_rate, time_scale

    for flag, name in (("--site", site), ("--camera", camera)):
        if not re.fullmatch(NAME, name):
            raise CutUsageError(f"{flag}: must be 1 to 63 of a-z, 0-9, _ and -, and not begin with _ or -")
    if not 0 < seconds <= 300:
        raise CutUsageError("--seconds: must be more than 0 and at most 300")
    if not (fps is None or 0 < fps <= 1000):
        raise CutUsageError("--fps: must be more than 0 and at most 1000")
    clips: list[CutClip] = []
    try:
        with open_video(source) as (container, stream):
            claimed = frame_rate(stream)
            if start_us is None:
                start_us = creation_time_us(container, stream)
        if start_us is None:
            raise CutUsageError("the video does not say when it was recorded: give --start, as 2026-01-05T09:00:00Z")
        rate = fps or claimed
        if rate is None:
            raise CutUsageError("the video does not say its frame rate: give --fps")
        scale = time_scale(claimed, float(rate))
        plan, why = _plan(source, round(seconds * SECOND_US), Fraction(rate), scale)
        if plan is None:
            pieces = _reencoded(source, round(seconds * SECOND_US), Fraction(rate), scale)
        else:
            pieces = _remuxed(source, plan)
        out.mkdir(parents=True, exist_ok=True)
        session = session_of(camera, start_us, source.stat().st_size)
        for sequence, piece in enumerate(pieces):
            clips.append(_write(piece, out, site, camera, session, sequence, start_us, float(rate)))
    except EnvelopeError:
        raise CutUsageError("the video's own time is before 1970 or after 9000: give --start") from None
    except ClipError as error:
        for clip in clips:  # a part of a video that looks like all of it is worse than none
            clip.path.unlink()
            clip.path.with_suffix(".json").unlink()
        raise CutError(
            f"{source} cannot be cut: {error.reason.value.replace('_', ' ')}. Is it a whole video file?"
        ) from None
    return Cut(tuple(clips), why, plan.cuts[0] if plan else 0)


def _plan(source: Path, longest_us: int, rate: Fraction, scale: Fraction) -> tuple[_Plan | None, str | None]:
    """Return where to cut, or None and why the video must be encoded again."""
    from av.error import FFmpegError

    from pipeline.clip_writer import can_hold
    from pipeline.video_file import open_video
    from transforms.decode import ClipError, ClipFault, packets_of
    from transforms.frame_times import FrameClock

    with open_video(source) as (container, stream):
        codec = stream.codec_context.codec.canonical_name
        if not can_hold(stream):
            return None, f"MP4 does not hold {codec}"
        try:
            packets = [(p.pts, p.is_keyframe) for p in packets_of(container, stream) if not p.is_discard]
        except FFmpegError:
            raise ClipError(ClipFault.CORRUPT) from None
        stamps = [stamp for stamp, _ in packets]
        reordered = container.format.name == "avi" and stream.codec_context.has_b_frames
        if None in stamps or len(set(stamps)) < len(stamps) or reordered:
            return None, "its frames carry no times of their own"
        clock = FrameClock(stream.time_base, 1 / (rate * scale), scale)
    if not packets:
        raise ClipError(ClipFault.NO_FRAMES)
    # A clip may begin with a keyframe if all packets before it are shown before it, and all after it after it.
    latest = [*accumulate(stamps, max)]
    earliest = [*accumulate(reversed(stamps), min)][::-1]
    safe = [
        number
        for number, (stamp, keyframe) in enumerate(packets)
        if keyframe and earliest[number] == stamp and (number == 0 or latest[number - 1] < stamp)
    ]
    marked = sum(keyframe for _, keyframe in packets)
    if not marked:
        return None, "it marks no keyframe"
    if len(safe) < marked / 2:
        return None, "its groups of pictures need one another (open GOP)"
    offsets = {stamp: clock.offset_us(stamp) for stamp in sorted(stamps)}
    times_us = [offsets[stamp] for stamp in stamps]
    end_us = max(times_us) + round(SECOND_US / rate)
    cuts = [safe[0]]
    for here, after in zip(safe, [*safe[1:], len(packets)], strict=True):
        until_us = times_us[after] if after < len(packets) else end_us
        if until_us - times_us[here] > longest_us + SECOND_US / rate / 2:
            return None, "its keyframes are further apart than a clip is long"
        if until_us - times_us[cuts[-1]] > longest_us + SECOND_US / rate / 2:
            cuts.append(here)
    return _Plan([*cuts, len(packets)], times_us, end_us), None


def _remuxed(source: Path, plan: _Plan) -> Iterator[_Piece]:
    """Yield the clips of a plan, their packets as they are."""
    from pipeline.clip_writer import remuxed
    from pipeline.video_file import open_video
    from transforms.decode import packets_of

    with open_video(source) as (container, stream):
        codec = stream.codec_context.codec.canonical_name
        packets = (packet for packet in packets_of(container, stream) if not packet.is_discard)
        for _ in range(plan.cuts[0]):
            next(packets)
        for first, beyond in zip(plan.cuts, plan.cuts[1:], strict=False):
            start_us = plan.times_us[first]
            end_us = plan.times_us[beyond] if beyond < len(plan.times_us) else plan.end_us
            times_us = [time_us - start_us for time_us in plan.times_us[first:beyond]]
            group = [next(packets) for _ in times_us]
            payload = remuxed(stream, group, times_us, end_us - start_us)
            yield _Piece(start_us, end_us, len(group), codec, payload)


def _reencoded(source: Path, length_us: int, rate: Fraction, scale: Fraction) -> Iterator[_Piece]:
    """Yield clips of one length, encoded with x264; each begins with the first frame at or after a multiple of it."""
    from pipeline.video_file import BOUNDLESS, open_video
    from transforms.decode import ClipError, ClipFault, decode
    from transforms.encode import Encoder
    from transforms.frame_times import FrameClock

    with open_video(source) as (container, stream):
        clock = FrameClock(stream.time_base, 1 / (rate * scale), scale)
        encoder: Encoder | None = None
        start_us = offset_us = frames = 0
        for stamp, picture in decode(container, stream, BOUNDLESS):
            offset_us = clock.offset_us(stamp)
            if encoder is not None and offset_us // length_us > start_us // length_us:
                yield _Piece(start_us, offset_us, frames, "h264", encoder.finish(offset_us - start_us))
                encoder = None
            if encoder is None:
                encoder, start_us, frames = Encoder(picture, float(rate), stream.sample_aspect_ratio), offset_us, 0
            encoder.add(picture, offset_us - start_us)
            frames += 1
        if encoder is None:
            raise ClipError(ClipFault.NO_FRAMES)
        end_us = offset_us + round(SECOND_US / rate)
        yield _Piece(start_us, end_us, frames, "h264", encoder.finish(end_us - start_us))


def _write(
    piece: _Piece, out: Path, site: str, camera: str, session: str, sequence: int, start_us: int, rate: float
) -> CutClip:
    """Write a clip and its envelope; the envelope first, so that no visible clip is without one."""
    from pipeline.video_file import envelope_of
    from schemas.clock import to_rfc3339

    interval_us = start_us + piece.start_us, start_us + piece.end_us
    # A clip whose own rate is another, as of a camera that slows down at night, says so.
    own_rate = piece.frames * SECOND_US / (piece.end_us - piece.start_us)
    digest = hashlib.sha256(piece.payload).hexdigest()
    envelope = envelope_of(
        site, camera, session, sequence, interval_us,
        rate if abs(own_rate / rate - 1) < 0.01 else round(own_rate, 3),
        piece.codec, len(piece.payload), digest,
    )  # fmt: skip
    name = f"{camera}-{to_rfc3339(interval_us[0]).replace('-', '').replace(':', '')}"
    path = out / f"{name}.mp4"
    _write_whole(out / f"{name}.json", json.dumps(envelope.to_json(), indent=2).encode() + b"\n")
    _write_whole(path, piece.payload)
    return CutClip(path, envelope)


def _write_whole(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "cut",
        help="cut a video file into clips with envelopes, at keyframes",
        description="Cuts a video file into clips, at keyframes and without encoding it again where that can be, "
        "and writes beside each clip NAME.json, its envelope. Sound, other streams and metadata are left out.",
        epilog="Exit codes: 0 done; 1 the video cannot be cut; 2 wrong usage.",
    )
    parser.add_argument("video", type=Path, metavar="VIDEO", help="the video file")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the clips")
    parser.add_argument("--site", required=True, metavar="NAME", help="name of the site, as in its site file")
    parser.add_argument("--camera", required=True, metavar="NAME", help="name of the camera, as in the site file")
    parser.add_argument(
        "--start", metavar="TIME",
        help="capture time of the first frame, as 2026-01-05T09:00:00Z (default: the container's creation time)",
    )  # fmt: skip
    parser.add_argument("--fps", type=float, help="true frames a second (default: what the container says)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a clip (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Cut the video and say what was made; returns the exit code."""
    from pipeline.cli import FAILED, OK, USAGE

    try:
        start_us = instant("--start", args.start)
    except UsageError as error:
        print(f"silhouette cut: {error}", file=sys.stderr)
        return USAGE
    try:
        done = cut(
            args.video, args.output, site=args.site, camera=args.camera,
            start_us=start_us, fps=args.fps, seconds=args.seconds,
        )  # fmt: skip
    except CutError as error:
        print(f"silhouette cut: {error}", file=sys.stderr)
        return USAGE if isinstance(error, CutUsageError) else FAILED
    except OSError as error:
        flag = "" if error.filename == str(args.video) else "--output: "
        print(f"silhouette cut: {flag}{error.filename}: {error.strerror}", file=sys.stderr)
        return FAILED
    if done.reencoded:
        print(f"encoded again with x264: {done.reencoded}")
    if done.left_out:
        print(f"left out {done.left_out} frames before the first keyframe, which cannot be decoded")
    print(f"{len(done.clips)} clips in {args.output}, {done.clips[0].path.name} to {done.clips[-1].path.name}")
    return OK
