"""The notice: what the site file and the evidence say, in plain words; no blanks, no claim without a mechanism."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.evidence.retention import collect, write_retention
from pipeline.notice import command, render
from pipeline.notice.facts import STATED, site_facts
from pipeline.notice.render import markdown, page, plain
from pipeline.storage import read
from schemas.avro import FAMILY_OF
from schemas.evidence import DayPack
from schemas.records import FAMILIES
from schemas.seals import Holding, RetentionPack
from schemas.site import Site
from tests.conftest import ROOT
from tests.support.evidence import MADE_WITH, a_day, an_output
from tests.support.floor import a_floor_site
from tests.support.storage import Storage
from tests.support.world import a_camera, a_site, records_of, span, strip
from transforms.pack import pack_of

STATEMENTS = {
    "controller": "Example Library",
    "contact": "privacy@library.example",
    "purposes": ["To plan opening hours"],
    "legal_basis": "Legitimate interests, article 6(1)(f)",
    "recipients": ["Facilities team"],
    "raw_retention": "24h",
}


def stated(**changes: Any) -> Site:
    return a_site(**(STATEMENTS | changes))


def written(site: Site, language: str = "en", packs: Any = ()) -> str:
    facts = site_facts(site, packs)
    return markdown(f"notice.{language}.md", language, s=facts, cameras=len(site.cameras))


def site_file(folder: Path, **changes: Any) -> Path:
    path = folder / "lab.yaml"
    keys = {"site": "lab", "site_version": 1, "time_zone": "UTC", "cameras": [{"name": "door"}]} | STATEMENTS | changes
    path.write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in keys.items() if value is not None))
    return path


@pytest.mark.parametrize("asked", ["notice", "pia"])
@pytest.mark.parametrize("key", STATED)
def test_blanks_are_refused_by_key_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: str, key: str
) -> None:
    path = site_file(tmp_path, **{key: None})
    assert main([asked, "--site", str(path), "--output", str(tmp_path / "out")]) == 2
    assert f"{path}:1: {key}: is left blank: fill it in" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_empty_list_is_told_by_its_own_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = site_file(tmp_path, recipients=[])
    assert main(["notice", "--site", str(path), "--output", str(tmp_path / "out")]) == 2
    line = path.read_text().splitlines().index("recipients: []") + 1
    assert f"{path}:{line}: recipients: is left blank" in capsys.readouterr().err


@pytest.mark.parametrize("language", render.LANGUAGES)
def test_the_notice_says_who_and_what_for(language: str) -> None:
    text = written(stated(), language)
    for said in ("Example Library", "privacy@library.example", "To plan opening hours", "Facilities team"):
        assert said in text
    assert {"en": "1 day", "fr": "1 jour"}[language] in text
    assert "None" not in text and "{{" not in text


def test_the_notice_follows_the_configuration() -> None:
    few = written(stated(k=1))
    many = written(stated(k=7))
    assert "fewer than 7 visits" in many and "fewer than" not in few
    assert "Numbers are given however small they are" in few
    assert "No picture leaves" not in few, "without evidence nobody says so"
    bare = stated(cameras=[a_camera(lines=[], zones=[], heatmap=[0, 0]).model_dump(mode="json")])
    assert "crossed a line" not in written(bare) and "queues" not in written(bare)
    assert "blanked" not in few
    masked = stated(cameras=[a_camera(masks=[[[0, 0], [0.1, 0], [0.1, 0.1]]]).model_dump(mode="json")])
    assert "blanked" in written(masked)
    hours = written(stated(schedule=[{"days": "mon-fri", "hours": "08:00-20:00"}]), "fr")
    assert "lun., mar., mer., jeu., ven. 08:00-20:00" in hours


CALIBRATED = a_floor_site().cameras[0].model_dump(mode="json")["ground"]
ONE_ZONE = [{"name": "hall", "kind": "area", "polygon": strip(0.1, 0.5)}]
SHARED = {"stay": [(1, 1), (5, 1), (5, 7), (1, 7)], "wait": [(6, 1), (11, 1), (11, 7), (6, 7)]}


@pytest.mark.parametrize(
    "site",
    [
        a_site(),
        a_site(cameras=[a_camera(lines=[], zones=[], heatmap=[0, 0]).model_dump(mode="json")]),
        a_site(cameras=[a_camera(zones=ONE_ZONE).model_dump(mode="json", exclude_unset=True)]),
        a_site(cameras=[a_camera(ground=CALIBRATED, zones=ONE_ZONE).model_dump(mode="json", exclude_unset=True)]),
        a_site(cameras=[a_camera(ground=CALIBRATED, zones=[]).model_dump(mode="json")]),
        a_floor_site(),
        a_floor_site(zones=SHARED),
    ],
    ids=["two zones", "none", "one zone", "calibrated", "calibrated, none", "floor", "floor of two"],
)
def test_the_notice_says_all_that_is_written(site: Site) -> None:
    written = {FAMILY_OF[type(record)] for record in records_of(site, [], span(0, 60))}
    facts = site_facts(stated(**site.model_dump(mode="json", exclude={"raw_retention"}, exclude_none=True)), [])
    assert set(facts.families) == written


@pytest.mark.parametrize("language", render.LANGUAGES)
def test_the_notice_has_words_for_every_family(language: str) -> None:
    def lines(*families: str) -> list[str]:
        facts = replace(site_facts(stated(), []), families=families)
        return markdown(f"notice.{language}.md", language, s=facts, cameras=1).splitlines()

    said = {family: set(lines(family)) - set(lines()) for family in FAMILIES if family != "camera_health"}
    assert all(len(each) == 1 for each in said.values()), "a line of its own"
    assert len(set.union(*said.values())) == len(said)
    assert set(lines(*FAMILIES)) >= set.union(*said.values())


def test_the_notice_says_that_video_is_written_and_kept() -> None:
    made_with = MADE_WITH.model_copy(update={"redaction": "heads"})
    packs = [DayPack.model_validate(pack_of(a_day(), "0" * 16, made_with))]
    said = {
        "en": ("is not about it: ask", "Who gets the numbers and the video", "while it is kept", "(heads)"),
        "fr": ("ne les concerne pas", "nombres et les vidéos", "sont conservées. Une fois", "(heads)"),
    }
    for language, parts in said.items():
        text = written(stated(), language, packs)
        assert all(part in text for part in parts)
        assert not any(part in written(stated(), language) for part in parts)
    assert "No picture leaves" not in written(stated(), packs=packs)


def test_the_notice_says_what_the_evidence_found(tmp_path: Path) -> None:
    from pipeline.evidence.verify import packs_of

    output = an_output(tmp_path / "out")
    site = stated()
    assert "has not been looked at yet" in written(site)
    text = written(site, packs=packs_of(str(output), "lab"))
    assert "No picture leaves the program" in text
    assert "99 had left the program's memory 1 second after they were recorded" in text
    old = tmp_path / "spool"
    (old / "clips").mkdir(parents=True)
    write_retention(str(output), collect(site, spools=[old]))
    assert "none of the 1 places" in written(site, packs=packs_of(str(output), "lab"))
    (old / "clips" / f"{1:012}-{1:016}-door.clip").write_bytes(b"?")
    write_retention(str(output), collect(site, spools=[old]))
    text = written(site, packs=packs_of(str(output), "lab"))
    assert "1 of 1 places" in text and "none of the" not in text


def a_look(checked: str, *places: tuple[str, str, str]) -> RetentionPack:
    """Return a look at places, each a kind, a name and a verdict."""
    found = tuple(
        Holding(kind=kind, name=name, keeps_seconds=None, oldest_seconds=None, verdict=verdict, why="as found")  # type: ignore[arg-type]
        for kind, name, verdict in places
    )
    return RetentionPack(
        version=1, kind="retention", site="lab", date=checked[:10], checked=checked, raw_retention_seconds=3600,
        holdings=found,
    )  # fmt: skip


def test_a_later_look_at_fewer_places_hides_none_of_the_others() -> None:
    looks = [
        a_look(
            "2026-01-05T00:00:00.000000Z", ("spool", "/s", "over"), ("archive", "/a", "over"), ("topic", "t", "within")
        ),
        a_look("2026-01-06T00:00:00.000000Z", ("archive", "/a", "within")),
        a_look("2026-01-07T00:00:00.000000Z"),
    ]
    for order in (looks, looks[::-1]):
        facts = site_facts(stated(), order)
        assert ([each.name for each in facts.excess], facts.places, facts.checked) == (["/s"], 3, "2026-01-05")
    assert "on 2026-01-05 or later, 1 of 3 places" in written(stated(), packs=looks)
    assert site_facts(stated(), looks[2:]).checked is None, "nothing was looked at"


def test_what_hung_on_a_topic_is_gone_once_a_look_at_it_finds_it_no_longer() -> None:
    first = a_look(
        "2026-01-05T00:00:00.000000Z", ("topic", "t", "within"), ("snapshot", "old", "over"), ("spool", "/s", "over")
    )
    other = a_look("2026-01-06T00:00:00.000000Z", ("topic", "u", "within"))
    again = a_look("2026-01-07T00:00:00.000000Z", ("topic", "t", "within"))
    excess = [[each.name for each in site_facts(stated(), looks).excess] for looks in ([first, other], [first, again])]
    assert excess == [["old", "/s"], ["/s"]]


def test_the_notice_gives_hours_and_no_time_as_the_site_file_has_them() -> None:
    site = stated(schedule=[{"days": "mon-fri", "hours": "00:00-24:00"}, {"days": "sat", "hours": "22:00-02:00"}])
    said = written(site).replace("\\", "")
    assert "fri 00:00-24:00; sat 22:00-02:00" in said
    assert "nowhere longer than 0 seconds" in written(stated(raw_retention="0s"))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name in ("src", "href") or name.startswith("on") for name, _ in attrs)


def test_what_a_site_file_says_stays_text() -> None:
    said = "<script>alert(1)</script> [a](javascript:b) **x** | y"
    html = page(written(stated(controller=said, purposes=["- 1. # x", "2) y"])), "en")
    tags = _Tags()
    tags.feed(html)
    assert "script" not in tags.tags and "a" not in tags.tags and "strong" not in tags.tags
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [a](javascript:b) **x** | y" in html
    assert html.count("<h1>") == 1 and "<ol>" not in html
    assert plain("2) y") == "2\\) y"


@pytest.mark.parametrize("language", render.LANGUAGES)
def test_a_page_is_whole_and_fetches_nothing(language: str) -> None:
    html = page(written(stated(), language), language)
    assert f'<html lang="{language}">' in html
    assert "http" not in html
    assert "<title>" in html and "&amp;amp;" not in html


def test_choices_are_those_of_the_renderer() -> None:
    assert (command.LANGUAGES, command.FORMATS) == (render.LANGUAGES, render.FORMATS)


def test_the_templates_are_where_the_package_reads_them() -> None:
    assert (ROOT / "templates/notice").resolve() == ROOT / "pipeline/notice/words"


def test_the_command_writes_a_page_a_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = site_file(tmp_path)
    for extra in (["--lang", "fr"], ["--format", "md"]):
        assert main(["notice", "--site", str(path), "--output", str(tmp_path / "out"), *extra]) == 0
    assert {each.name for each in (tmp_path / "out").iterdir()} == {"notice-lab.fr.html", "notice-lab.en.md"}
    assert main(["notice", "--site", str(path), "--output", str(tmp_path), "--evidence", str(tmp_path)]) == 2
    assert "--evidence" in capsys.readouterr().err


@pytest.mark.parametrize("asked", ["notice", "pia"])
@pytest.mark.parametrize("named", ["./out", ".", "out//"])
def test_evidence_is_read_however_its_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asked: str, named: str
) -> None:
    path, output = site_file(tmp_path), an_output(tmp_path / "out")
    monkeypatch.chdir(output if named == "." else tmp_path)
    pages = tmp_path / "pages"
    assert main([asked, "--site", str(path), "--output", str(pages), "--format", "md", "--evidence", named]) == 0
    assert "o picture leaves" in (pages / f"{asked}-lab.en.md").read_text("utf-8").replace("No", "no")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("asked", ["notice", "pia"])
def test_evidence_of_another_site_is_told_and_a_damaged_pack_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    output = an_output(tmp_path / "out")
    command = [asked, "--output", str(tmp_path / "pages"), "--evidence", str(output), "--site"]
    assert main([*command, str(site_file(tmp_path, site="hall"))]) == 0
    assert f"--evidence: {output} holds none of hall; its page says what" in capsys.readouterr().err
    pack = min(output.glob("evidence/site=lab/date=*/*.json"))
    pack.write_bytes(pack.read_bytes().replace(b"6000", b"6001"))
    assert main([*command, str(site_file(tmp_path))]) == 1
    assert f"--evidence: {pack}: is not what was written" in capsys.readouterr().err
    assert not (tmp_path / f"pages/{asked}-lab.en.html").exists()


def test_a_page_may_go_to_a_bucket(tmp_path: Path, storage: Storage, capsys: pytest.CaptureFixture[str]) -> None:
    path, folder = site_file(tmp_path), f"{storage.make_bucket('notices')}/pages"
    assert main(["notice", "--site", str(path), "--output", folder]) == 0
    assert (name := capsys.readouterr().out.strip()) == f"{folder}/notice-lab.en.html"
    assert b"Example Library" in read(name)
    assert main(["notice", "--site", str(path), "--output", "s3://notices"]) == 1
    assert capsys.readouterr().err.count("s3://notices/notice-lab.en.html: ") == 1
