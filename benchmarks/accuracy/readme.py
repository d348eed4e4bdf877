"""The README's tables of accuracy, made from `reports/accuracy.json`.

python -m benchmarks.accuracy.readme
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchmarks.accuracy.others import LINE_ZONE, LINE_ZONE_TUNED, MESOPIC_NAME, MESOPIC_TUNED
from benchmarks.accuracy.scenes import RANDOM_LINES
from benchmarks.accuracy.tracking import AS_IT_GOES
from benchmarks.accuracy.tracking import MEASURES as TRACKING
from benchmarks.figures import REPORTS

Figures = Mapping[str, Mapping[str, Any]]
"""The report's figures by name."""

PEERS = (LINE_ZONE, LINE_ZONE_TUNED, MESOPIC_NAME, MESOPIC_TUNED)
COUNTING = {
    "crossings_off": "crossings off", "event_f1": "F1", "occupancy_mae": "occupancy, mean absolute error",
    "visits_off": "visits off", "dwell_error": "dwell error",
}  # fmt: skip
FOOTAGE = {
    "pets": "PETS09-S2L1", "tud_campus": "TUD-Campus", "tud_stadtmitte": "TUD-Stadtmitte", "mot17_04": "MOT17-04-DPM",
    "demo": "the demo's video",
}  # fmt: skip
_LABEL = re.compile(rf"(?P<name>{'|'.join(FOOTAGE)})_(?P<rate>[0-9]+(_[0-9]+)?)fps(_(?P<detector>\w+))?")
NONE = "-"

RANDOM = "on_random_lines"
FOLLOWING = {
    **{measure: measure.upper() if measure != "switches" else measure for measure in TRACKING},
    f"hota_{AS_IT_GOES[:-1]}": "HOTA, as it goes", f"idf1_{AS_IT_GOES[:-1]}": "IDF1, as it goes",
}  # fmt: skip


def tables(figures: Figures) -> str:
    """Return the tables as Markdown."""
    counted = [*_labels(figures, "crossings_off"), *([RANDOM] if f"crossings_off_{RANDOM}" in figures else [])]
    followed = _labels(figures, "hota")
    lines = [
        *_table(
            (f"ours / {' / '.join(PEERS)}", *COUNTING.values()),
            ((_said(label), *(_beside(figures.get(f"{measure}_{label}"), measure) for measure in COUNTING))
             for label in counted),
        ),
        "",
        *_table(
            ("ours, and the best of the others", *FOLLOWING.values()),
            ((_said(label), *(_best(figures.get(f"{measure}_{label}"), measure) for measure in FOLLOWING))
             for label in followed),
        ),
    ]  # fmt: skip
    if ratio := figures.get("association_over_bytetrack"):
        lines += ["", _association(figures["association_ms_a_frame"], ratio)]
    return "\n".join(lines)


def _labels(figures: Figures, measure: str) -> list[str]:
    """Return of which footage, rate and detector a measure is told."""
    labels = (name.removeprefix(f"{measure}_") for name in figures if name.startswith(f"{measure}_"))
    return [label for label in labels if _LABEL.fullmatch(label)]


def _association(time: Mapping[str, Any], ratio: Mapping[str, Any]) -> str:
    """Say what association costs, and of both goals whether they hold where it was measured."""
    goals = ", ".join(
        f"{figure['goal']}{unit} {'holds' if figure['holds'] else 'does not hold'}"
        for figure, unit in ((time, " ms"), (ratio, " times"))
    )
    theirs = f"ByteTrack of `trackers` {time['peers']['ByteTrack']:.2f} ms"
    took = f"Association takes {time['value']:.2f} ms a frame here, {theirs}"
    return f"{took}: {ratio['value']:.2f} times as long ({goals})."


def _said(label: str) -> str:
    if label == RANDOM:
        return f"{RANDOM_LINES} random lines in all of these but the demo and the built-in model's"
    found = _LABEL.fullmatch(label)
    assert found is not None, "labels are picked by this"
    said = f"{FOOTAGE[found['name']]}, {found['rate'].replace('_', '.')} a second"
    return f"{said}, built-in `{found['detector']}`" if found["detector"] else said


def _beside(figure: Mapping[str, Any] | None, measure: str) -> str:
    """Write ours and each peer's."""
    if figure is None:
        return NONE
    peers = [figure["peers"].get(name) for name in PEERS]
    return " / ".join((f"**{_number(figure['value'], measure)}**", *(_number(value, measure) for value in peers)))


def _best(figure: Mapping[str, Any] | None, measure: str) -> str:
    """Write ours, and the best peer's with its name."""
    if figure is None:
        return NONE
    pick = min if measure == "switches" else max
    name, value = pick(figure["peers"].items(), key=lambda each: each[1])
    return f"**{_number(figure['value'], measure)}**, {name} {_number(value, measure)}"


def _number(value: float | None, measure: str) -> str:
    if value is None:
        return NONE
    if measure == "dwell_error":
        return f"{value:.0%}"
    if measure == "event_f1":
        return f"{value:.3f}".removeprefix("0")
    if measure == "occupancy_mae":
        return f"{value:.2f}"
    return f"{value:.1f}" if measure in FOLLOWING and measure != "switches" else f"{value:.0f}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def main() -> None:
    """Print the tables."""
    figures = json.loads((REPORTS / "accuracy.json").read_text(encoding="utf-8"))["figures"]
    print(tables({figure["name"]: figure for figure in figures}))


if __name__ == "__main__":
    main()
