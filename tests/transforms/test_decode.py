"""Clips of every kind: decoded right, or refused with one stable reason."""

import io
import pickle
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.support.video import encode, pictures, silence
from transforms.decode import ClipError, ClipFault, ClipLimits, open_clip

KINDS = {
    "h264-mp4": {},
    "h264-fragmented": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "h264-index-first": {"container_options": {"moov_size": "20000"}},
    "h264-mkv": {"container": "matroska"},
    "h264-ts": {"container": "mpegts"},
    "h264-avi": {"container": "avi"},
    "h264-flv": {"container": "flv"},
    "h264-10-bit": {"pix_fmt": "yuv420p10le"},
    "h264-422": {"pix_fmt": "yuv422p"},
    "h264-444": {"pix_fmt": "yuv444p"},
    "h264-full-range": {"pix_fmt": "yuvj420p", "color_range": 2},
    "hevc-mp4": {"codec": "libx265"},
    "hevc-ts": {"codec": "libx265", "container": "mpegts"},
    "hevc-10-bit": {"codec": "libx265", "pix_fmt": "yuv420p10le"},
    "vp9-webm": {"codec": "libvpx-vp9", "container": "webm"},
    "av1-mp4": {"codec": "libsvtav1"},
    "av1-webm": {"codec": "libsvtav1", "container": "webm"},
    "mpeg4-avi": {"codec": "mpeg4", "container": "avi", "bit_rate": 2_000_000},
    "mpeg4-b-frames-avi": {"codec": "mpeg4", "container": "avi", "bit_rate": 2_000_000, "options": {"bf": "2"}},
    "msmpeg4-avi": {"codec": "msmpeg4", "container": "avi", "bit_rate": 2_000_000},
    "mjpeg-avi": {
        "codec": "mjpeg",
        "container": "avi",
        "bit_rate": 4_000_000,
        "pix_fmt": "yuvj420p",
        "color_range": 2,
    },
    "mpeg2-ps": {"codec": "mpeg2video", "container": "mpeg", "bit_rate": 2_000_000, "rate": 25},
    "ffv1-mkv": {"codec": "ffv1", "container": "matroska"},
    "with-sound": {"audio": True},
}
FRAMES = 24
LIMITS = ClipLimits()
BROKEN_OFF = {ClipFault.TRUNCATED, ClipFault.CORRUPT, ClipFault.NOT_VIDEO, ClipFault.NO_FRAMES}


@pytest.fixture(scope="module")
def clips() -> dict[str, bytes]:
    images = pictures(FRAMES)
    return {name: encode(images, **kind) for name, kind in KINDS.items()}


def decoded(payload: bytes, limits: ClipLimits = LIMITS) -> list[tuple[int, np.ndarray]]:
    with open_clip(payload, limits) as clip:
        return [(frame.offset_us, frame.content(clip.width, clip.height, "rgb")) for frame in clip.frames()]


def fault(payload: bytes, limits: ClipLimits = LIMITS) -> ClipFault:
    with pytest.raises(ClipError) as caught:
        decoded(payload, limits)
    return caught.value.reason


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_decoded_right(clips: dict[str, bytes], name: str) -> None:
    rate = KINDS[name].get("rate", 10)
    frames = decoded(clips[name])
    assert len(frames) == FRAMES
    for index, ((offset_us, content), image) in enumerate(zip(frames, pictures(FRAMES), strict=True)):
        assert abs(offset_us - index * 1_000_000 / rate) <= 1000  # Matroska and FLV count milliseconds
        assert content.dtype == np.uint8 and content.flags.c_contiguous and content.flags.writeable
        assert distance(content, image) < 12


@pytest.mark.parametrize("name", [name for name in KINDS if name != "h264-flv"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_clip_that_breaks_off_is_refused(clips: dict[str, bytes], name: str, share: float) -> None:
    payload = clips[name][: int(len(clips[name]) * share) // 188 * 188 + 100]
    assert fault(payload) in BROKEN_OFF


@pytest.mark.parametrize("name", ["h264-ts", "h264-flv", "mpeg2-ps", "h264-fragmented"])
def test_a_stream_cut_anywhere_shows_no_half_picture(clips: dict[str, bytes], name: str) -> None:
    """What may end anywhere is a shorter clip if cut between two pictures, and none if cut within one."""
    payload = clips[name]
    whole = dict(decoded(payload))
    reasons = set()
    for end in range(188, len(payload), 188):
        try:
            frames = decoded(payload[:end])
        except ClipError as error:
            reasons.add(error.reason)
        else:
            assert all(distance(content, whole[offset_us]) < 0.5 for offset_us, content in frames)
    assert reasons <= BROKEN_OFF


def test_grey_pictures_are_grey() -> None:
    images = pictures(6)
    for (_, content), image in zip(decoded(encode(images, pix_fmt="gray")), images, strict=True):
        assert (content[..., 0] == content[..., 1]).all() and (content[..., 1] == content[..., 2]).all()
        assert distance(content[..., 0], cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)) < 12


@pytest.mark.parametrize("size", [(321, 243), (97, 61), (33, 17)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    images = pictures(6, *size)
    payload = encode(images, "avi", "mjpeg", pix_fmt="yuvj444p", color_range=2)
    frames = decoded(payload)
    assert [content.shape for _, content in frames] == [(size[1], size[0], 3)] * 6
    assert all(distance(content, image) < 12 for (_, content), image in zip(frames, images, strict=True))


@pytest.mark.parametrize(
    ("colorspace", "color_range"), [(1, 1), (5, 1), (1, 2), (5, 2)], ids=["709", "601", "709-full", "601-full"]
)
def test_colours_by_the_matrix_and_range_that_the_clip_names(colorspace: int, color_range: int) -> None:
    image = np.empty((64, 96, 3), np.uint8)
    image[:, :32], image[:, 32:64], image[:, 64:] = (200, 30, 40), (30, 180, 60), (20, 40, 210)
    payload = encode([image] * 3, colorspace=colorspace, color_range=color_range)
    with open_clip(payload) as clip:
        frame = next(iter(clip.frames()))
        rgb, bgr = frame.content(96, 64, "rgb"), frame.content(96, 64, "bgr")
    for column, colour in ((16, (200, 30, 40)), (48, (30, 180, 60)), (80, (20, 40, 210))):
        np.testing.assert_allclose(rgb[32, column], colour, atol=8)
        np.testing.assert_array_equal(bgr[32, column], rgb[32, column, ::-1])


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(("hflip", "vflip"), [(False, False), (True, False), (False, True)])
def test_pictures_are_turned_upright(rotation: int, hflip: bool, vflip: bool) -> None:
    stored = pictures(3)
    payload = encode(stored, rotation=rotation, hflip=hflip, vflip=vflip)
    with open_clip(payload) as clip:
        assert (clip.width, clip.height) == ((120, 160) if rotation % 180 else (160, 120))
        for frame, image in zip(clip.frames(), stored, strict=True):
            content = frame.content(clip.width, clip.height, "rgb")
            shown = np.rot90(image, rotation // 90)  # counter-clockwise, as the display matrix has it
            shown = shown[:: -1 if vflip else 1, :: -1 if hflip else 1]
            assert distance(content, shown) < 12


def test_pixels_that_are_not_square_are_made_so() -> None:
    payload = encode(pictures(3), sample_aspect_ratio=Fraction(12, 11))
    with open_clip(payload) as clip:
        assert (clip.width, clip.height) == (round(160 * 12 / 11), 120)


def test_a_variable_frame_rate_keeps_its_own_times() -> None:
    stamps = [0, 1, 2, 5, 6, 11, 12, 30]
    offsets = [offset for offset, _ in decoded(encode(pictures(8), stamps=stamps))]
    assert offsets == [stamp * 100_000 for stamp in stamps]


def test_times_begin_with_the_first_frame() -> None:
    for container in ("mp4", "mpegts", "matroska"):
        offsets = [o for o, _ in decoded(encode(pictures(4), container, stamps=[70, 71, 72, 73]))]
        assert offsets == [0, 100_000, 200_000, 300_000]


def test_a_stream_without_times_gets_regular_ones() -> None:
    offsets = [offset for offset, _ in decoded(encode(pictures(5), "h264", rate=25, options={"bf": "0"}))]
    assert offsets == [0, 40_000, 80_000, 120_000, 160_000]


def test_true_rate_scales_times(clips: dict[str, bytes]) -> None:
    with open_clip(clips["mpeg4-avi"], true_rate=7.0) as clip:
        assert clip.frame_rate == 10
        offsets = [frame.offset_us for frame in clip.frames()]
    assert offsets == [round(index * 1_000_000 / 7) for index in range(FRAMES)]


def test_a_clip_may_last_so_long_by_its_true_rate(clips: dict[str, bytes]) -> None:
    with open_clip(clips["mpeg4-avi"], ClipLimits(max_seconds=1.5), true_rate=20.0) as clip:
        assert len(list(clip.frames())) == FRAMES
    with pytest.raises(ClipError) as caught, open_clip(clips["mpeg4-avi"], ClipLimits(max_seconds=2.5), true_rate=7.0):
        pass
    assert caught.value.reason is ClipFault.TOO_LONG


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(b"", ClipFault.EMPTY, id="empty"),
        pytest.param(b"\0", ClipFault.NOT_VIDEO, id="byte"),
        pytest.param(np.random.default_rng(1).bytes(50_000), ClipFault.NOT_VIDEO, id="noise"),
        pytest.param(b"Please count the people in this text.\n" * 500, ClipFault.NOT_VIDEO, id="text"),
        pytest.param(cv2.imencode(".png", pictures(1)[0])[1].tobytes(), ClipFault.NOT_VIDEO, id="png"),
        pytest.param(cv2.imencode(".jpg", pictures(1)[0])[1].tobytes(), ClipFault.NOT_VIDEO, id="jpeg"),
        pytest.param(
            b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/passwd\n", ClipFault.NOT_VIDEO, id="playlist"
        ),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", ClipFault.NOT_VIDEO, id="concat"),
        pytest.param(silence(), ClipFault.NO_VIDEO_STREAM, id="sound-mp4"),
        pytest.param(silence("avi", "pcm_s16le"), ClipFault.NO_VIDEO_STREAM, id="sound-avi"),
        pytest.param(silence("wav", "pcm_s16le"), ClipFault.NOT_VIDEO, id="sound-wav"),
        pytest.param(
            encode(pictures(3), "matroska", "prores", pix_fmt="yuv422p10le"),
            ClipFault.UNSUPPORTED_CODEC,
            id="prores",
        ),
    ],
)
def test_what_is_no_video_is_refused(payload: bytes, reason: ClipFault) -> None:
    assert fault(payload) is reason


def test_an_mp4_without_its_index_is_refused(clips: dict[str, bytes]) -> None:
    payload = clips["h264-mp4"]
    at = payload.index(b"moov") - 4
    assert fault(payload[:at]) in {ClipFault.NOT_VIDEO, ClipFault.TRUNCATED}
    assert fault(payload[: at + 100]) is ClipFault.TRUNCATED


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (ClipLimits(max_bytes=1000), ClipFault.TOO_LARGE),
        (ClipLimits(max_pixels=160 * 120 - 1), ClipFault.TOO_MANY_PIXELS),
        (ClipLimits(max_frames=FRAMES - 1), ClipFault.TOO_MANY_FRAMES),
        (ClipLimits(max_seconds=1.5), ClipFault.TOO_LONG),
    ],
    ids=["bytes", "pixels", "frames", "seconds"],
)
@pytest.mark.parametrize("name", ["h264-mp4", "h264-ts", "vp9-webm", "msmpeg4-avi"])
def test_limits(clips: dict[str, bytes], name: str, limits: ClipLimits, reason: ClipFault) -> None:
    assert fault(clips[name], limits) is reason


def test_a_header_that_claims_an_absurd_size_is_refused(clips: dict[str, bytes]) -> None:
    payload = bytearray(clips["msmpeg4-avi"])
    at = payload.index(b"strf") + 12  # BITMAPINFOHEADER: size of header, width, height
    payload[at : at + 8] = (10_000).to_bytes(4, "little") * 2
    assert fault(bytes(payload)) is ClipFault.TOO_MANY_PIXELS


def test_a_change_of_size_is_refused() -> None:
    one, other = encode(pictures(10), "h264"), encode(pictures(10, 320, 240), "h264")
    assert fault(one + other) is ClipFault.SIZE_CHANGED


def test_lost_packets_are_noticed(clips: dict[str, bytes]) -> None:
    payload = clips["h264-ts"]
    assert fault(payload[: 50 * 188] + payload[53 * 188 :]) is ClipFault.CORRUPT


def test_a_clip_that_begins_inside_a_group_is_refused(clips: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with av.open(io.BytesIO(clips["h264-mp4"])) as source, av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in list(source.demux(video=0))[3:-1]:
            packet.stream = stream
            output.mux(packet)
    assert fault(buffer.getvalue()) is ClipFault.CORRUPT


def test_frames_come_one_at_a_time_and_damage_ends_them(clips: dict[str, bytes]) -> None:
    payload = bytearray(clips["h264-index-first"])
    at = len(payload) - 2000
    payload[at : at + 1500] = bytes(1500)
    with open_clip(bytes(payload)) as clip:
        frames = clip.frames()
        assert next(frames).offset_us == 0
        with pytest.raises(ClipError):
            list(frames)


def test_decoding_is_repeatable(clips: dict[str, bytes]) -> None:
    for name in ("h264-mp4", "vp9-webm", "av1-mp4", "hevc-ts"):
        for (_, one), (_, other) in zip(decoded(clips[name]), decoded(clips[name]), strict=True):
            np.testing.assert_array_equal(one, other)


def test_errors_say_nothing_of_the_clip_and_travel(capfd: pytest.CaptureFixture[str]) -> None:
    payload = encode(pictures(6), metadata={"title": "Jane Doe", "location": "+48.85+2.35/"})
    with pytest.raises(ClipError) as caught:
        decoded(payload[:-500])
    assert str(caught.value) == "truncated" and caught.value.args == ("truncated",)
    assert pickle.loads(pickle.dumps(caught.value)).reason is ClipFault.TRUNCATED
    assert capfd.readouterr() == ("", "")


def test_damage_anywhere_is_a_fault_or_frames(clips: dict[str, bytes]) -> None:
    """Random damage: never another exception, never a hang. About four seconds."""
    rng = np.random.default_rng(7)
    for name in ("h264-mp4", "h264-fragmented", "h264-ts", "hevc-mp4", "vp9-webm", "av1-mp4", "mpeg4-avi"):
        whole = clips[name]
        for _ in range(60):
            payload = bytearray(whole[: rng.integers(1, len(whole))] if rng.random() < 0.2 else whole)
            # Half of the blows fall on the headers at either end.
            reach = len(payload) if rng.random() < 0.5 else min(len(payload), 1500)
            for at in rng.integers(0, reach, rng.integers(1, 8)):
                payload[at if rng.random() < 0.5 else -1 - at] = rng.choice([0, 1, 127, 255, rng.integers(256)])
            began = time.monotonic()
            try:
                offsets = [offset for offset, _ in decoded(bytes(payload))]
                assert all(a < b for a, b in pairwise(offsets))
            except ClipError:
                pass
            assert time.monotonic() - began < 20


def test_real_clips(shared: Path) -> None:
    clips = [*(shared / "data/clips/intel").glob("*.mp4"), shared / "data/clips/bikes.mp4"]
    clips += [shared / "data/clips/opencv_vtest.avi", shared / "data/demo/one-by-one.mp4"]
    for path in clips:
        payload = path.read_bytes()
        with av.open(io.BytesIO(payload)) as container:
            expected = container.streams.video[0].frames
        with open_clip(payload) as clip:
            assert sum(1 for _ in clip.frames()) == expected
        assert fault(payload[: len(payload) // 2]) is ClipFault.TRUNCATED
