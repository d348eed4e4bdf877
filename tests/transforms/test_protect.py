"""Small cells are suppressed; nobody is not somebody."""

from dataclasses import replace

import pytest

from schemas.records import Dwell, Flow, Heatmap
from tests.support.world import a_site, clips_of, records_of, span, stander, walker
from transforms.guard import inspect, to_fields
from transforms.protect import protect
from transforms.vocabulary import vocabulary_of

RECORDS = records_of(a_site(), clips_of([walker(1), stander(1.5, 0.8, 2, 30)], 60), span(0, 60))
DWELL = next(record for record in RECORDS if isinstance(record, Dwell) and record.n and record.bin < 0)
HEAT = next(record for record in RECORDS if isinstance(record, Heatmap) and record.n)

FLOW = next(record for record in RECORDS if isinstance(record, Flow) and record.n)


@pytest.mark.parametrize(("n", "suppressed"), [(0, False), (1, True), (4, True), (5, False), (9, False)])
def test_a_cell_with_fewer_than_k_behind_it_is_suppressed(n: int, suppressed: bool) -> None:
    for record in (replace(DWELL, n=n), replace(FLOW, n=n), replace(HEAT, n=n)):
        protected = protect(record, {"lab": 5})
        assert protected.suppressed is suppressed
        if not suppressed:
            assert protected is record


def test_nothing_of_a_suppressed_cell_is_left() -> None:
    dwell, flow, heat = (protect(replace(record, n=1), {"lab": 5}) for record in (DWELL, FLOW, HEAT))
    assert (dwell.visits, dwell.mean_seconds, dwell.p50_seconds, dwell.p90_seconds, dwell.n) == (None,) * 4 + (0,)
    assert (flow.count, flow.n) == (None, 0)
    assert (heat.person_seconds, heat.n) == (None, 0)
    vocabulary = vocabulary_of((a_site(),), {("lab", "door"): DWELL.model}, ())
    assert inspect("dwell", to_fields(dwell), vocabulary).violations == ()


def test_families_without_k_and_k_of_one_suppress_nothing() -> None:
    others = [record for record in RECORDS if not isinstance(record, Dwell | Flow | Heatmap)]
    assert [protect(record, {"lab": 1_000}) for record in others] == others
    assert [protect(record, {"lab": 1}) for record in RECORDS] == RECORDS
