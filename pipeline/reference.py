"""`silhouette reference`: what a camera's picture should look like, as a line for its site file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "reference",
        help="print a camera's reference for the site file, from a clip of it as it should be",
        description="Prints the `reference:` line of a camera: how strong the edges are in each block of its picture. "
        "With it, blurred and moved pictures are told. Best of a quiet minute in good light; nothing of a person "
        "stays in it who is not there most of the time.",
    )
    parser.add_argument("clip", type=Path, metavar="CLIP", help="a clip of the camera as it should be")
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.yaml", help="the camera's site file")
    parser.add_argument("--camera", required=True, help="the camera's name")


def run(args: argparse.Namespace) -> int:
    """Print the line; 1 for a clip that cannot be decoded, 2 for wrong usage."""
    from pipeline.models.cards import ModelError
    from pipeline.models.registry import resolve
    from pipeline.sites import SiteFileError, folder_of, load_sites
    from transforms.admission import ModelRefused
    from transforms.decode import ClipError

    try:
        cameras = [camera for site in load_sites(args.site) for camera in site.cameras if camera.name == args.camera]
        if len(cameras) != 1:
            print(f"silhouette reference: --camera: the site file has no camera {args.camera}", file=sys.stderr)
            return 2
        card, path = resolve(cameras[0].model, folder_of(args.site))
        reference = _reference(args.clip.read_bytes(), cameras[0], card, path)
    except (SiteFileError, ModelError, ModelRefused, OSError) as error:
        print(f"silhouette reference: {error}", file=sys.stderr)
        return 2
    except ClipError as error:
        print(f"silhouette reference: {args.clip.name} cannot be decoded: {error}", file=sys.stderr)
        return 1
    print(f"reference: [{', '.join(f'{edge:g}' for edge in reference)}]")
    return 0


def _reference(payload: bytes, camera: Any, card: Any, path: Path) -> tuple[float, ...]:
    """Look at a picture every half second, scaled and masked as the job sees it."""
    from transforms.decode import open_clip
    from transforms.detector import Detector
    from transforms.look import Look
    from transforms.picture import reference_of
    from transforms.sampling import sampled

    detector = Detector.open(card, path)
    with open_clip(payload) as clip:
        look = Look(clip, camera, detector)
        frames = sampled(clip.frames(), 0, float(clip.frame_rate or 25), 2.0)
        return reference_of(look.picture(frame) for frame in frames)
