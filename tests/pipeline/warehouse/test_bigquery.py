"""Records in BigQuery, by Google's client against the emulator: the same rows as the reference, however they come."""

import io
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import fastavro
import pytest
from google.cloud import bigquery

from pipeline.view import ContradictionError, UnreadableRecordsError, record_files
from pipeline.warehouse import bigquery as loading
from pipeline.warehouse.bigquery import Dataset, connect, load, merge, new_files, parse_dataset, prepare, stage
from pipeline.warehouse.tables import LEDGER, create_tables, history
from schemas.records import FAMILIES
from tests.pipeline.warehouse.commands import command
from tests.pipeline.warehouse.stories import (
    SIZES,
    STORY,
    comparable,
    expected,
    row,
    write_rows,
    write_story,
    write_world,
)
from tests.support.storage import Storage

STEPS = range(len(STORY))


@pytest.fixture
def client(dataset: Dataset) -> bigquery.Client:
    made = connect(dataset, None)
    prepare(made, dataset)
    return made


def loaded(client: bigquery.Client, dataset: Dataset, output: Path | str) -> Counter[str]:
    """Load a folder; returns how many rows of each family were new."""
    rows = Counter[str]()
    for each in load(client, dataset, str(output)):
        rows[each.family] += each.new_rows
    return rows


def standing(client: bigquery.Client, dataset: Dataset, size: int) -> dict[str, list[str]]:
    answers = {family: client.query_and_wait(f"SELECT * FROM {dataset.sql}.{family}({size})") for family in FAMILIES}
    return {family: comparable(dict(row.items()) for row in answer) for family, answer in answers.items()}


def count(client: bigquery.Client, dataset: Dataset, table: str) -> int:
    (found,) = client.query_and_wait(f"SELECT COUNT(*) FROM {dataset.sql}.{table}")
    return int(found[0])


def tables(client: bigquery.Client, dataset: Dataset) -> set[str]:
    return {table.table_id for table in client.list_tables(dataset.name)}


def test_bigquery_rows_are_those_of_the_reference_also_when_loaded_twice(
    client: bigquery.Client, dataset: Dataset, tmp_path: Path
) -> None:
    write_story(tmp_path, STEPS)
    first = loaded(client, dataset, tmp_path)
    assert first["heatmap"] == 10
    assert loaded(client, dataset, tmp_path).total() == 0
    for size in SIZES:
        assert standing(client, dataset, size) == expected(tmp_path, size)
    assert tables(client, dataset) == {LEDGER, *map(history, FAMILIES)}


def test_bigquery_takes_files_in_any_order_and_leaves_superseded_sets_out_at_once(
    client: bigquery.Client, dataset: Dataset, tmp_path: Path
) -> None:
    for step in reversed(STEPS):
        write_story(tmp_path, [step])
        loaded(client, dataset, tmp_path)
        assert standing(client, dataset, 60) == expected(tmp_path, 60), step
    assert standing(client, dataset, 900) == expected(tmp_path, 900)


def test_bigquery_holds_what_the_job_made(client: bigquery.Client, dataset: Dataset, tmp_path: Path) -> None:
    write_world(tmp_path)
    loaded(client, dataset, tmp_path)
    for size in (60, 120):
        found = standing(client, dataset, size)
        assert found == expected(tmp_path, size)
        assert all(found.values())


def test_bigquery_is_loaded_again_after_a_crash_between_any_two_steps(
    client: bigquery.Client, dataset: Dataset, tmp_path: Path
) -> None:
    write_story(tmp_path, STEPS)
    for family in FAMILIES:
        files = new_files(client, dataset, family, record_files(tmp_path, family))
        (batch,) = loading.batches(family, files)
        staging = stage(client, dataset, batch)
        if family in ("heatmap", "footfall", "queue"):
            assert merge(client, dataset, batch, staging) > 0
    assert count(client, dataset, LEDGER) == 0
    again = loaded(client, dataset, tmp_path)
    assert again["heatmap"] == again["footfall"] == again["queue"] == 0
    assert again["dwell"] > 0
    assert standing(client, dataset, 60) == expected(tmp_path, 60)
    left = [table for table in tables(client, dataset) if table.startswith("staging_")]
    assert len(left) == len(FAMILIES), "they go by themselves"


def test_bigquery_loader_that_is_killed_is_run_again(
    client: bigquery.Client, dataset: Dataset, tmp_path: Path, bigquery_host: str
) -> None:
    write_world(tmp_path)
    arguments = ["load", "bigquery", "--output", str(tmp_path), "--dataset", f"{dataset.project}.{dataset.name}"]
    code = f"import sys; from tests.pipeline.warehouse.commands import main; sys.exit(main({arguments!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not count(client, dataset, history("footfall")):
            assert process.poll() is None
            assert time.monotonic() < deadline
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert count(client, dataset, history("camera_health")) == 0, "it had not come to the last family"
    loaded(client, dataset, tmp_path)
    assert standing(client, dataset, 60) == expected(tmp_path, 60)


def test_bigquery_takes_two_loaders_at_once(client: bigquery.Client, dataset: Dataset, tmp_path: Path) -> None:
    write_story(tmp_path, STEPS)
    failed: list[Exception] = []

    def run() -> None:
        try:
            loaded(connect(dataset, None), dataset, tmp_path)
        except Exception as error:
            failed.append(error)

    loaders = [threading.Thread(target=run) for _ in range(2)]
    for each in loaders:
        each.start()
    for each in loaders:
        each.join()
    assert failed == []
    assert standing(client, dataset, 60) == expected(tmp_path, 60)


def test_bigquery_rows_that_stand_in_a_table_twice_count_once(
    client: bigquery.Client, dataset: Dataset, tmp_path: Path
) -> None:
    """As two loaders at once may leave them."""
    write_story(tmp_path, STEPS)
    loaded(client, dataset, tmp_path)
    table = f"{dataset.sql}.{history('heatmap')}"
    client.query_and_wait(f"INSERT INTO {table} SELECT * FROM {table}")
    assert standing(client, dataset, 60) == expected(tmp_path, 60)


def test_bigquery_refuses_two_values_for_one_record(client: bigquery.Client, dataset: Dataset, tmp_path: Path) -> None:
    write_story(tmp_path, [0])
    loaded(client, dataset, tmp_path)
    before = count(client, dataset, history("dwell"))
    other = {"dwell": [row("dwell", n=6), row("dwell", window=5)]}
    write_rows(tmp_path / "other", other)
    with pytest.raises(ContradictionError, match="two dwell records of site lab, camera door"):
        loaded(client, dataset, tmp_path / "other")
    assert count(client, dataset, history("dwell")) == before
    assert tables(client, dataset) == {LEDGER, *map(history, FAMILIES)}


def test_bigquery_table_of_an_older_release_gets_its_new_columns(dataset: Dataset, tmp_path: Path) -> None:
    client = connect(dataset, None)
    for statement in create_tables(dataset.sql):
        lines = statement.splitlines(keepends=True)
        client.query_and_wait("".join(line for line in lines if "`count`" not in line and "`visits`" not in line))
    write_story(tmp_path, STEPS)
    for _ in range(2):
        prepare(client, dataset)
        loaded(client, dataset, tmp_path)
        assert standing(client, dataset, 60) == expected(tmp_path, 60)


def test_bigquery_command(dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_story(tmp_path, STEPS)
    where = "--dataset", f"{dataset.project}.{dataset.name}"
    assert command("load", "bigquery", "--output", tmp_path, *where, "--location", "EU") == 0
    assert "heatmap: 4 new files, 10 new rows\n" in capsys.readouterr().out
    assert command("load", "bigquery", "--output", tmp_path, *where) == 0
    assert "heatmap: 0 new files, 0 new rows\n" in capsys.readouterr().out
    assert command("load", "bigquery", "--output", tmp_path, *where, "--location", "US") == 2
    assert "--location: my-project." in capsys.readouterr().err
    broken = tmp_path / "records/queue/site=lab/date=2026-01-05/broken.avro"
    broken.write_bytes(b"no avro")
    assert command("load", "bigquery", "--output", tmp_path, *where) == 1
    assert "broken.avro: is no Avro file of queue records" in capsys.readouterr().err


def test_files_go_in_many_batches_where_they_are_many(tmp_path: Path) -> None:
    write_story(tmp_path, STEPS)
    files = [loading.file_at(path) for path in record_files(tmp_path, "heatmap")]
    (whole,) = loading.batches("heatmap", files)
    assert whole.files == tuple(files)
    assert (whole.first.minute, whole.last.minute) == (0, 1)
    assert [len(batch.files) for batch in loading.batches("heatmap", files, most_files=3)] == [3, 1]
    each = list(loading.batches("heatmap", files, most_bytes=1))
    assert [batch.files for batch in each] == [(file,) for file in files]
    rows = [row for batch in each for row in fastavro.reader(io.BytesIO(batch.avro))]
    assert rows == list(fastavro.reader(io.BytesIO(whole.avro)))


def test_bigquery_is_loaded_from_a_bucket(
    client: bigquery.Client, dataset: Dataset, storage: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    output = f"{storage.make_bucket('warehouse')}/output"
    write_story(output, STEPS)
    assert loaded(client, dataset, output)["heatmap"] == 10
    assert standing(client, dataset, 60) == expected(output, 60)
    assert command("sql", "SELECT COUNT(*) AS n FROM footfall", "--output", output, "--window", 60, "--csv") == 0
    assert capsys.readouterr().out == f"n\n{len(expected(output, 60)['footfall'])}\n"
    assert command("inspect", f"{output}/records/queue") == 0
    assert "Queue: 11 of 11 rows" in capsys.readouterr().out
    assert command("deadletters", "--output", output) == 0
    assert "No dead letters." in capsys.readouterr().out
    assert command("deadletters", "--output", "gs://warehouse/nowhere") == 2


@pytest.mark.parametrize("name", ["", "silhouette", "a.b", "my-project.sil-houette", "my-project.a.b c", "x`y-z.a"])
def test_what_is_no_dataset_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"PROJECT\.DATASET"):
        parse_dataset(name)
    assert command("load", "bigquery", "--output", tmp_path, "--dataset", name) == 2
    assert "--dataset: must be" in capsys.readouterr().err


def test_want_of_credentials_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_story(tmp_path, [2])
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))
    assert command("load", "bigquery", "--output", tmp_path, "--dataset", "my-project.a") == 1
    assert "try `gcloud auth application-default login`" in capsys.readouterr().err


def test_a_folder_without_records_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("load", "bigquery", "--output", tmp_path, "--dataset", "my-project.a") == 2
    assert "holds no records" in capsys.readouterr().err


def test_a_file_in_no_folder_of_a_date_is_told() -> None:
    with pytest.raises(UnreadableRecordsError, match="lies in no folder date="):
        loading.file_at("/somewhere/records/queue/a.avro")
