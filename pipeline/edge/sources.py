"""Where pictures come from: a camera on the network, a device of this machine, or a file. Addresses hold no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from pipeline.edge.credentials import Credentials, environment_names

Kind = Literal["rtsp", "device", "file"]

DEVICE_OPTIONS = ("video_size", "framerate", "input_format", "pixel_format")
"""What a device may be asked for, as FFmpeg's v4l2 names it."""

_PLACES = ("{user}", "{password}")
# What cameras and their recorders call it, in a query or a path: rtsp://host/user=U_password=P_channel=1.sdp
_SECRET = re.compile(
    r"(?<![a-z0-9])(usr|user(name|id)?|p|pass(wd|word|phrase|code)?|pswd?|psw|pwd|\w*secret|\w*key|\w*token|auth\w*)"
    r"[=:](?!\{user\}|\{password\}|[_&;/?#]|$)",
    re.IGNORECASE,
)


class SourceError(ValueError):
    """A source that cannot be used; the text says what to do, and holds no secret."""


@dataclass(frozen=True)
class Source:
    """Where the pictures of a camera come from.

    Attributes:
      kind: What it is.
      address: URL, device or path; a camera's may hold `{user}` and `{password}`, never what they stand for.
      transport: How a camera on the network sends its pictures.
      options: What a device is asked for.
      start_us: Capture time of a file's first picture; None: the time at which it is played.
      fast: Whether a file is read as fast as can be, not as fast as it was recorded.
      loop: Whether a file begins again when it has ended.
    """

    kind: Kind
    address: str = field(repr=False)
    transport: Literal["tcp", "udp"] = "tcp"
    options: Mapping[str, str] = field(default_factory=dict)
    start_us: int | None = None
    fast: bool = False
    loop: bool = False

    def __post_init__(self) -> None:
        if self.kind != "file" and (self.start_us is not None or self.fast or self.loop):
            raise SourceError("--start, --fast and --loop are for files: a camera plays now, and once")
        if self.kind != "rtsp" and self.transport != "tcp":
            raise SourceError("--transport is for cameras on the network (rtsp)")
        if self.fast and self.start_us is None:
            raise SourceError("--fast: give --start too: the pictures would be from the future otherwise")
        if self.loop and self.start_us is not None:
            raise SourceError("--loop and --start: the same pictures would have been taken again and again")

    @property
    def wants_credentials(self) -> bool:
        """Whether the address has places for a user name and password."""
        return self.kind == "rtsp" and any(place in self.address for place in _PLACES)


def parse_source(
    camera: str, text: str, *, transport: Literal["tcp", "udp"] = "tcp", start_us: int | None = None,
    fast: bool = False, loop: bool = False,
) -> Source:  # fmt: skip
    """Read a source as it is written: `rtsp://…`, `/dev/video0?video_size=1280x720`, or a path.

    Args:
      camera: Name of the camera, for errors.
      text: The source.
      transport: How a camera on the network sends its pictures.
      start_us: Capture time of a file's first picture.
      fast: Whether a file is read as fast as can be.
      loop: Whether a file begins again when it has ended.

    Raises:
      SourceError: it is none, or holds a secret; what it holds is not repeated.
    """
    if re.match(r"rtsps?://", text):
        _refuse_secrets(camera, text)
        return Source("rtsp", text, transport, start_us=start_us, fast=fast, loop=loop)
    if re.match(r"[a-z0-9+.-]+://", text, re.IGNORECASE):
        raise SourceError(f"--source: camera {camera}: must be rtsp://…, rtsps://…, a device as /dev/video0, or a file")
    if text.startswith("/dev/"):
        path, _, query = text.partition("?")
        options = dict(parse_qsl(query))
        if unknown := sorted(set(options) - set(DEVICE_OPTIONS)):
            raise SourceError(
                f"--source: camera {camera}: {unknown[0]} is nothing to ask a device for; known are "
                f"{', '.join(DEVICE_OPTIONS)}"
            )
        return Source("device", path, transport, options, start_us, fast, loop)
    return Source("file", text, transport, start_us=start_us, fast=fast, loop=loop)


def _refuse_secrets(camera: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        named = parts.hostname and (parts.port or True)
    except ValueError:
        named = False
    if not named:
        raise SourceError(f"--source: camera {camera}: must be written rtsp://host/path or rtsp://host:port/path")
    if "@" in parts.netloc or _SECRET.search(f"{parts.path}?{parts.query}#{parts.fragment}"):
        user, password = environment_names(camera)
        raise SourceError(
            f"--source: the address of camera {camera} holds a user name or password, which every process of this "
            f"machine could read: leave it out (or write {{user}} and {{password}} in its place), and set {user} and "
            f"{password}, or name a secret file with --credentials"
        )


def url_of(source: Source, credentials: Credentials | None) -> str:
    """Return what FFmpeg is to open, credentials and all: never to be shown."""
    if source.kind != "rtsp" or credentials is None:
        return source.address
    user, password = quote(credentials.user, safe=""), quote(credentials.password, safe="")
    if source.wants_credentials:
        return source.address.replace(_PLACES[0], user).replace(_PLACES[1], password)
    parts = urlsplit(source.address)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))
