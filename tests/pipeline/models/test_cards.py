"""Card files: what is read, and how mistakes are told."""

from pathlib import Path
from textwrap import dedent

import pytest

from pipeline.models.cards import ModelError, read_card

GOOD = dedent("""\
    name: some
    uri: https://example.org/some.onnx
    sha256: {sha256}
    licence: MIT
    source: someone
    role: person
    input: {{size: [416, 416], colour: bgr}}
    output: {{kind: yolox}}
    classes: [person, bicycle]
""").format(sha256="0a" * 32)


def write(folder: Path, text: str, name: str = "some.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_good_card(tmp_path: Path) -> None:
    card = read_card(write(tmp_path, GOOD))
    assert (card.name, card.classes) == ("some", {"person": 0, "bicycle": 1})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("licence: MIT\n", ""), "some.yaml: licence: Field required"),
        (GOOD.replace("kind: yolox", "kind: yolox, stride: 8"), "output.yolox.stride"),
        (GOOD + "colour: bgr\n", "some.yaml: colour: Extra inputs"),
        (GOOD + "  - [\n", "some.yaml:10: is no valid YAML"),
        ("", "some.yaml: card"),
        ("[]", "some.yaml: card"),
        ("x" * 70_000, "larger than 65536 bytes"),
    ],
)
def test_mistakes_are_told_by_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_card(write(tmp_path, text))
    assert words in str(caught.value)


def test_all_mistakes_are_told(tmp_path: Path) -> None:
    text = GOOD.replace("licence: MIT\n", "").replace("role: person", "role: age")
    with pytest.raises(ModelError) as caught:
        read_card(write(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 2


def test_a_card_lies_in_a_file_of_its_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"must be called some\.yaml"):
        read_card(write(tmp_path, GOOD, "other.yaml"))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_card(tmp_path / "some.yaml")


def test_a_card_runs_no_code(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no valid YAML"):
        read_card(write(tmp_path, "!!python/object/apply:os.getcwd []"))
