"""What outputs may hold for each place, without a card and with one."""

from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from schemas.card import Output, Role
from transforms.held import Judged, Part, by_card, without_card


def group(*widths: str, places: int = 100) -> list[Part]:
    """Make outputs for the same places: `80s` of scores, `4` of other numbers, `6:4` of which four are no scores."""
    parts = []
    for index, each in enumerate(widths):
        width, _, raw = each.partition(":")
        count = int(width.removesuffix("s"))
        parts.append(Part(f"o{index}", places, count, int(raw) if raw else 0 if width.endswith("s") else count))
    return parts


def refused(found: Judged) -> bool:
    return bool(found.reasons)


@pytest.mark.parametrize(
    "widths",
    [
        ("1s", "2", "2"),  # CenterNet
        ("1", "4"),  # its sides, the heat map without its sigmoid
        ("80s", "32"),  # NanoDet
        ("80s", "4", "1s"),  # FCOS
        ("1s", "4", "1s"),  # YuNet
        ("2s", "4"),  # SSD of one class and a background
        ("4s", "91"),  # DETR
        ("4", "1s", "1s"),  # boxes, scores and which class
        ("85:4",),  # YOLOX
        ("84:4",),  # YOLOv8
        ("6:4",),
        ("85s",),
        ("6",),
    ],
)
def test_a_box_and_one_list_of_classes_are_a_detector(widths: tuple[str, ...]) -> None:
    assert without_card(group(*widths), "person") == Judged([], [], set())


@pytest.mark.parametrize("widths", [("1s", "2", "2"), ("1s", "4", "1s"), ("2s", "4"), ("6:4",)])
def test_a_face_detector_knows_one_class(widths: tuple[str, ...]) -> None:
    assert without_card(group(*widths), "face") == Judged([], [], set())
    assert refused(without_card(group("80s", "4"), "face"))
    assert refused(by_card(group("80s", "4"), "face", LISTS, 1))


@pytest.mark.parametrize(
    "widths",
    [
        ("17s", "2", "2"),
        ("1s", "2", "2", "17s"),
        ("1s", "2", "2", "1s"),
        ("1s", "2", "2", "365"),
        ("1s", "2", "2", "1"),
        ("1s", "4", "1"),  # of another nature than the scores: an age
        ("1s", "4", "2s"),  # a sex
        ("80s", "4", "1s", "1s"),
        ("80s", "4", "2"),
        ("80s", "4", "91"),
        ("128s", "4"),
        ("4", "4"),
        ("80s",),
        ("21:4",),  # a pose as scores
        ("132:4",),
        ("13:12",),
        ("56",),
        ("85",),  # where the classes would begin nothing shows
    ],
)
def test_whatever_else_there_is_refuses_them(widths: tuple[str, ...]) -> None:
    for role in get_args(Role):
        assert refused(without_card(group(*widths), role))


@pytest.mark.parametrize(
    ("widths", "gone"), [(("1s", "2", "2", "10"), {"o3"}), (("1s", "4", "1s", "10"), {"o3"}), (("16:14",), set())]
)
def test_landmarks_are_cut_from_face_detectors_only(widths: tuple[str, ...], gone: set[str]) -> None:
    found = without_card(group(*widths), "face")
    assert (found.reasons, len(found.cut), found.gone) == ([], 1, gone)
    assert refused(without_card(group(*widths), "person"))


def test_all_scales_hold_the_same() -> None:
    assert not refused(without_card([*group("80s", "4"), *group("80s", "4", places=25)], "person"))
    assert without_card([*group("1s", "4"), *group("365", "4", places=25)], "person").reasons == [
        "its scales hold different numbers for each place: 4+1 and 4+365. They may be landmarks, a pose, an attribute "
        "or a template"
    ]


def of_kind(kind: str, **fields: Any) -> Output:
    made: Output = TypeAdapter(Output).validate_python({"kind": kind, **fields})
    return made


LISTS = of_kind("scores_boxes", scores="o0", boxes="o1", unit="share")
DETR = of_kind("detr", boxes="o1", logits="o0", activation="softmax")
MAPS = of_kind("centernet", heatmap="o0", size="o1", offset="o2", unit="cells")


@pytest.mark.parametrize(
    ("output", "widths", "named", "good"),
    [
        (LISTS, ("2s", "4"), 1, True),
        (LISTS, ("80s", "4"), 1, True),  # a known list, of which one class is decoded
        (LISTS, ("512s", "4"), 1, False),
        (LISTS, ("512s", "4"), 512, True),
        (LISTS, ("80", "4"), 1, False),  # no scores: all must be named
        (LISTS, ("1s", "84"), 80, False),  # boxes of 84 numbers
        (DETR, ("92", "4s"), 91, True),
        (DETR, ("92", "4s"), 1, False),
        (MAPS, ("1s", "2", "2"), 1, True),
        (MAPS, ("17s", "2", "2"), 1, False),
        (MAPS, ("1s", "2", "4"), 1, False),
        (of_kind("yolox"), ("85:4",), 1, True),
        (of_kind("yolox"), ("85",), 1, False),
        (of_kind("yolox"), ("133:4",), 1, False),
        (of_kind("nanodet"), ("80s", "32"), 1, True),
        (of_kind("nanodet"), ("128s", "32"), 1, False),
        (of_kind("nms", unit="pixels"), ("6:4",), 1, True),
        (of_kind("nms", unit="pixels"), ("7:4",), 1, False),
    ],
)
def test_a_card_must_account_for_all_numbers(output: Output, widths: tuple[str, ...], named: int, good: bool) -> None:
    assert refused(by_card(group(*widths), "person", output, named)) != good
