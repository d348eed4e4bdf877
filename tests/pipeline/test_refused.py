"""Whatever command asks a bucket: what refuses, and what is none, is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli import FAILED, USAGE, main
from tests.pipeline.test_run import SUBSCRIPTION, write_clip, write_site

STATED = {"raw_retention": "1h", "controller": "Library", "contact": "a@library.example", "legal_basis": "consent",
          "purposes": ["opening hours"], "recipients": ["nobody"]}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Path:
    gate = {"name": "gate", "a": [0.5, 1], "b": [0.5, 0]}
    return write_site(tmp_path / "lab.yaml", cameras=[{"name": "door", "lines": [gate]}], **STATED)


@pytest.mark.parametrize("bucket", ["gs://closed/x", "s3://elsewhere/x"])
@pytest.mark.parametrize(
    "words",
    [
        "run --site SITE --clips CLIP --output BUCKET",
        "run --site SITE --clips CLIP --output OUT --released BUCKET",
        "submit flink --site SITE --clips CLIP --output BUCKET --job-endpoint localhost:1 --rest http://localhost:1",
        "load bigquery --output BUCKET --dataset my-project.a",
        "sql SELECT --output BUCKET",
        "inspect BUCKET",
        "inspect BUCKET/a.avro",
        "deadletters --output BUCKET",
        "guard check BUCKET/a.jsonl",
        "diff BUCKET BUCKET",
        "publish --site SITE --output BUCKET --date 2026-01-05 --epsilon 1 --to OUT/a.csv",
        "evidence seal BUCKET",
        "evidence verify BUCKET",
        "evidence retention --site SITE --output BUCKET --archive OUT",
        "notice --site SITE --output OUT --evidence BUCKET",
        "pia --site SITE --output OUT --evidence BUCKET",
    ],
)
def test_a_bucket_that_cannot_be_had_is_told_in_one_line(
    site: Path, refusing: str, capsys: pytest.CaptureFixture[str], words: str, bucket: str
) -> None:
    names = {"SITE": site, "CLIP": write_clip(site.parent), "OUT": site.parent / "out"}
    for name, value in names.items():
        words = words.replace(name, str(value))
    assert main(words.replace("BUCKET", bucket).split()) in (FAILED, USAGE)
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"silhouette {words.split()[0]}")
    assert bucket in told
    assert "Forbidden" in told or "name a local folder, or one in a bucket as gs://BUCKET/FOLDER" in told


def test_want_of_credentials_for_a_subscription_is_told(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(site.parent / "nowhere.json"))
    out = str(site.parent / "out")
    given = ["--site", str(site), "--output", out]
    assert main(["run", *given, "--input", SUBSCRIPTION, "--until-idle", "5s"]) == USAGE
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("silhouette run: --input: ") and told.endswith("`gcloud auth application-default login`")
    assert main(["evidence", "retention", *given, "--topic", "projects/museum/topics/clips"]) == FAILED
    (pack,) = Path(out).rglob("evidence/*/*/*.json")
    assert "could not be looked at: DefaultCredentialsError" in pack.read_text()
