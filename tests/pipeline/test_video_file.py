"""Headers of video files: read under the same rules as clips are decoded."""

from pathlib import Path

import pytest

from pipeline.video_file import open_video, seconds_of
from tests.support.video import encode, pictures
from transforms.decode import ClipError, frame_rate


def written(folder: Path, payload: bytes) -> Path:
    path = folder / "video.dat"
    path.write_bytes(payload)
    return path


def test_a_decoder_that_few_have_looked_at_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, encode(pictures(3), container="avi", codec="cinepak", pix_fmt="rgb24"))
    with pytest.raises(ClipError, match="unsupported_codec"), open_video(path):
        pass


def test_a_playlist_is_refused(tmp_path: Path) -> None:
    playlist = b"#EXTM3U\n#EXTINF:9,\nfile:///etc/hostname\n"
    with pytest.raises(ClipError, match="not_video"), open_video(written(tmp_path, playlist)):
        pass


@pytest.mark.parametrize("container", ["h264", "mp4", "matroska"])
def test_the_length_is_that_of_the_pictures_by_the_container_s_own_rate(tmp_path: Path, container: str) -> None:
    path = written(tmp_path, encode(pictures(25), container=container, rate=25))
    with open_video(path) as (opened, stream):
        rate = frame_rate(stream)
        assert rate == 25
        assert float(seconds_of(opened, stream, rate)) == pytest.approx(1.0, abs=0.05)
