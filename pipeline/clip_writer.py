"""Writing clips: one video stream in an MP4, times from zero, and nothing else that a file can carry.

Sound, data streams, chapters and the container's metadata, where devices write their name and place, are left
out. The display matrix, which says how the picture lies, stays.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import av

from transforms.encode import MICROSECONDS, output_of


def can_hold(stream: av.VideoStream) -> bool:
    """Say whether a clip can hold the stream as it is."""
    with av.open(io.BytesIO(), "w", format="mp4") as output:
        try:
            output.add_stream_from_template(stream, opaque=True)
        except ValueError:
            return False
    return True


def remuxed(template: av.VideoStream, packets: Sequence[av.Packet[av.VideoStream]], times_us: Sequence[int],
            end_us: int) -> bytes:  # fmt: skip
    """Return a clip of packets as they are.

    Args:
      template: The stream that they come from.
      packets: Whole groups of pictures, in decoding order.
      times_us: Each packet's time of presentation, from the clip's start.
      end_us: The clip's end.
    """
    shown = sorted(times_us)
    # A packet must be decoded before any is shown that needs it: the order of decoding takes the times of
    # presentation, moved ahead as far as the reordering reaches.
    ahead = max(one - other for one, other in zip(shown, times_us, strict=True))
    following = dict(zip(shown, [*shown[1:], end_us], strict=True))
    buffer = io.BytesIO()
    with output_of(buffer) as output:
        stream = output.add_stream_from_template(template, opaque=True)
        stream.time_base = MICROSECONDS
        for packet, time_us, decoded_us in zip(packets, times_us, shown, strict=True):
            packet.stream = stream
            packet.time_base = MICROSECONDS
            packet.pts, packet.dts = time_us, decoded_us - ahead
            packet.duration = following[time_us] - time_us
            output.mux(packet)
    return buffer.getvalue()
