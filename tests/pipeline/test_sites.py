"""Site files: what loads, and that each mistake is told with its file, line and key."""

import pickle
from pathlib import Path
from textwrap import dedent

import pytest

from pipeline.sites import MOST_BYTES, SiteFileError, load_sites

DEMO = Path(__file__).parents[2] / "demo" / "site.yaml"
SHORT = """\
site: here
site_version: 1
time_zone: Europe/Paris
cameras:
  - name: door
"""


def write(folder: Path, text: str, name: str = "site.yaml") -> Path:
    file = folder / name
    file.write_text(dedent(text), encoding="utf-8")
    return file


def told(path: Path) -> list[str]:
    """Return the problems as line:key: message."""
    with pytest.raises(SiteFileError) as caught:
        load_sites(path)
    lines = str(caught.value).splitlines()
    assert lines == [str(problem) for problem in caught.value.problems]
    return [line.partition("site.yaml:")[2] for line in lines]


def test_the_demo_site_loads() -> None:
    (site,) = load_sites(DEMO)
    assert {zone.kind for zone in site.cameras[0].zones} == {"area", "queue"}
    assert site.k.is_off
    assert None not in (site.controller, site.contact, site.legal_basis, site.raw_retention)


def test_a_folder_gives_its_sites_in_the_order_of_file_names(tmp_path: Path) -> None:
    write(tmp_path, SHORT, "b.yaml")
    write(tmp_path, SHORT.replace("here", "there"), "a.yml")
    write(tmp_path, "no site file", "notes.txt")
    assert [site.site for site in load_sites(tmp_path)] == ["there", "here"]
    assert [site.site for site in load_sites(tmp_path / "b.yaml")] == ["here"]


def test_times_names_and_numbers_need_no_quotes(tmp_path: Path) -> None:
    text = SHORT.replace("here", "no").replace("door", "0012") + "day_start: 04:30\nschedule:\n"
    text += "- {days: mon-fri, hours: 08:00-20:00}\nlateness: 90s\n"
    (site,) = load_sites(write(tmp_path, text))
    assert (site.site, site.cameras[0].name, site.day_start) == ("no", "0012", 270)
    assert site.schedule is not None
    assert site.schedule[0].hours == (480, 1200)


def test_anchors_may_be_used(tmp_path: Path) -> None:
    text = SHORT + "    masks: [&corner [[0, 0], [0.1, 0], [0, 0.1]]]\n    reach: *corner\n"
    (site,) = load_sites(write(tmp_path, text))
    assert site.cameras[0].reach == site.cameras[0].masks[0]


def test_every_mistake_is_told_in_the_order_of_lines(tmp_path: Path) -> None:
    text = """\
        site: here
        site_version: one
        time_zone: Europe/Paris
        latness: 2h
        controller:
        k: 2
        k: 3
        windows: [1m,
                  5]
        cameras:
          - name: door
            masks:
              - [[0, 0], [1, 1], [1, 0], [0, 1]]
            zones:
              - {name: a, kind: area}
              - name: b
                kind: hall
                polygon: [[0, 0], [1, 0]]
            lines:
              - name: in
                a: [0, 1.2]
                b: [0.3]
                directions: {to_right: in, to_left: in}
          - name: back
            units: pixels
    """
    problems = told(write(tmp_path, text))
    expected = [
        "2: site_version: must be a whole number",
        "4: latness: is no key here; did you mean lateness?",
        "5: controller: is blank",
        "6: k: stands here and in line 7",
        "9: windows[1]: must be a whole number with a unit",
        "13: cameras[0].masks[0]: crosses or touches itself",
        "15: cameras[0].zones[0].polygon: is missing",
        "17: cameras[0].zones[1].kind: must be 'area', 'queue', 'staff' or 'static'",
        "18: cameras[0].zones[1].polygon: must have at least 3 items, not 2",
        "21: cameras[0].lines[0].a: lies outside the picture",
        "22: cameras[0].lines[0].b[1]: is missing",
        "23: cameras[0].lines[0].directions.to_left: both directions have the same name",
        "24: cameras[1].size: must be the picture's width and height in pixels",
    ]
    assert len(problems) == len(expected)
    for problem, start in zip(problems, expected, strict=True):
        assert problem.startswith(start)


def test_a_second_item_of_a_name_is_told_in_its_own_line(tmp_path: Path) -> None:
    text = SHORT + "  - name: back\n  - name: door\n"
    assert told(write(tmp_path, text)) == [
        "7: cameras[2].name: the name door is taken by an earlier one: choose another"
    ]


def test_an_unknown_key_far_from_any_other_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    text = SHORT + "    lines: [{name: x, a: [0, 0], b: [1, 1], directions: {outwards: out}}]\n"
    assert told(write(tmp_path, text)) == [
        "6: cameras[0].lines[0].directions.outwards: is no key here; known are to_right, to_left"
    ]


def test_two_files_with_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path, SHORT, "a.yaml")
    write(tmp_path, "# the same again\n" + SHORT)
    assert told(tmp_path) == [f"2: site: is the name of the site in {tmp_path / 'a.yaml'} too: give each its own"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("# nothing yet\n", "is empty"),
        ("- a\n", "1: must hold keys with values"),
        ("site: here\n\tsite_version: 1\n", "2: is not YAML"),
        ("site: *nothing\n", "1: is not YAML: found undefined alias"),
        ("site: a\n---\nsite: b\n", "2: is not YAML: but found another document"),
        ("site: a\n[1, 2]: b\n", "2: a key must be a single word"),
        ("site: a\nb: \x07\n", "2: holds a control character"),
        ("site: a\nb: " + "[" * 200 + "]" * 200, "2: is nested too deep"),
        ("site: a\nb: " + "[" * 100_000, "2: is nested too deep"),
        ("#" * (MOST_BYTES + 1), "is larger than 256 KiB"),
        (
            "a: &a [" + "1, " * 99 + "1]\nb: &b [" + "*a, " * 99 + "*a]\nc: [" + "*b, " * 99 + "*b]\n",
            "50,000 values",
        ),
        ("site: &a [*a]\n", "is nested too deep"),
    ],
)
def test_files_that_are_no_site_files(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SiteFileError) as caught:
        load_sites(file)
    assert problem in str(caught.value)


def test_other_encodings_are_told(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_bytes(SHORT.encode() + "controller: Bibliothèque".encode("latin-1"))
    assert told(file) == ["6: is not UTF-8: save it in that encoding"]


def test_absent_files_and_empty_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(SiteFileError, match=r"gone\.yaml: cannot be read: No such file"):
        load_sites(tmp_path / "gone.yaml")
    with pytest.raises(SiteFileError, match="holds no site file"):
        load_sites(tmp_path)


def test_the_error_survives_pickling(tmp_path: Path) -> None:
    with pytest.raises(SiteFileError) as caught:
        load_sites(tmp_path)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
