"""Following places through a graph: what keeps them, what loses them, what cannot be followed."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.support.detectors import SIZE, Net
from transforms import onnx_graph
from transforms.structure import Signal, Untraceable, follow


def followed(build: Callable[[Net, str], str]) -> Signal:
    """Follow a graph that goes on from a map [1, 8, 16, 24]."""
    net = Net()
    content = net.done({"out": build(net, net.backbone(3)[-1])})
    return follow(onnx_graph.resize(onnx_graph.parse(content), SIZE, "nchw", "float32"), "nchw").outputs["out"]


def kinds(signal: Signal) -> list[list[str]]:
    """Return the kinds of factors on each axis."""
    return [[factor.kind for factor in axis] for axis in signal.axes]


def test_a_map_laid_out_as_rows_and_back_keeps_its_places() -> None:
    rows = followed(lambda net, data: net.rows(data, 8))
    assert kinds(rows) == [[], ["row", "column"], ["number"]]
    back = followed(lambda net, data: net.add("Reshape", net.rows(data, 8), net.constant([1, 16, 24, 8])))
    assert kinds(back) == [[], ["row"], ["column"], ["number"]]


def test_anchors_are_counted() -> None:
    signal = followed(lambda net, data: net.add("Concat", net.rows(data, 2), net.rows(data, 2), axis=1))
    assert signal.axes[1][0].each == 4
    assert signal.dims == (1, 2 * 16 * 24 * 4, 2)


def test_windows_keep_their_places() -> None:
    """As transformers cut a map into windows, and depth is turned into space."""

    def build(net: Net, data: str) -> str:
        cut = net.add("Reshape", data, net.constant([1, 8, 4, 4, 6, 4]))
        windows = net.add("Transpose", cut, perm=[0, 2, 4, 3, 5, 1])
        return str(net.add("Reshape", windows, net.constant([24, 16, 8])))

    assert kinds(followed(build)) == [["row", "column"], ["row", "column"], ["number"]]
    assert kinds(followed(lambda net, data: net.add("DepthToSpace", data, blocksize=2)))[2:] == [["row"], ["column"]]


@pytest.mark.parametrize(
    "build",
    [
        lambda net, data: net.add("GlobalAveragePool", data),
        lambda net, data: net.add("ReduceMean", data, axes=[2, 3], keepdims=0),
        lambda net, data: net.add("Conv", data, net.weights(5, 8, 16, 24)),
        lambda net, data: net.add("Gemm", net.add("Flatten", data), net.weights(8 * 16 * 24, 85)),
        lambda net, data: net.add("MatMul", net.weights(1, 3, 16 * 24), net.rows(data, 8)),
        lambda net, data: net.add("Gather", net.rows(data, 8), net.constant(7), axis=1),
        lambda net, data: net.add("ArgMax", net.add("Flatten", data), axis=1),
    ],
)
def test_what_looks_at_the_whole_picture_loses_all_places(build: Callable[[Net, str], str]) -> None:
    signal = followed(build)
    assert signal.picture
    assert not signal.placed


def test_rows_that_mix_places_and_channels_are_told() -> None:
    signal = followed(lambda net, data: net.add("Reshape", data, net.constant([1, 128, 24])))
    assert kinds(signal) == [[], ["number", "row"], ["column"]]
    torn = followed(lambda net, data: net.add("Reshape", net.add("Transpose", data, perm=[0, 2, 3, 1]),
                                              net.constant([1, 24, 128])))  # fmt: skip
    assert "tears places apart" in torn.mixed[0]


def test_places_that_the_picture_chooses_are_told_from_fixed_ones() -> None:
    def best(net: Net, data: str, which: int) -> str:
        rows = net.rows(data, 8)
        largest = net.add("ReduceMax", rows, axes=[2], keepdims=0)
        return str(net.add("TopK", largest, net.constant([20]), outputs=2, axis=1)[which])

    values, numbers = (followed(lambda net, data, which=which: best(net, data, which)) for which in (0, 1))
    assert kinds(values) == kinds(numbers) == [[], ["choice"]]
    assert (values.index, numbers.index) == (False, True)
    assert len(values.sources) == 1
    first = followed(lambda net, data: net.add("Gather", net.rows(data, 8), net.constant(range(20)), axis=1))
    assert (kinds(first), first.sources) == ([[], ["place"], ["number"]], frozenset())


@pytest.mark.parametrize("by", ["adding", "joining", "nothing", "the same everywhere"])
def test_a_constant_that_differs_from_place_to_place_tells_where_they_lie(by: str) -> None:
    def build(net: Net, data: str) -> str:
        rows = net.rows(data, 8)
        if by == "joining":
            return str(net.add("Concat", rows, net.weights(1, 16 * 24, 2), axis=2))
        same = net.constant(np.ones((1, 16 * 24, 8)), np.float32)
        return str(net.add("Add", rows, net.weights(1, 16 * 24, 8) if by == "adding" else same))

    signal = followed(build if by != "nothing" else lambda net, data: net.rows(data, 8))
    assert signal.position == (by in {"adding", "joining"})
    assert signal.placed


@pytest.mark.parametrize(
    ("located", "queries", "kind"), [(True, 20, "query"), (False, 20, "number"), (True, 6, "number")]
)
def test_queries_that_look_at_places_stand_for_them(located: bool, queries: int, kind: str) -> None:
    def build(net: Net, data: str) -> str:
        tokens = net.rows(data, 8)
        keys = net.add("Add", tokens, net.weights(1, 16 * 24, 8)) if located else tokens
        asked = net.add("MatMul", net.weights(1, queries, 8), net.add("Transpose", keys, perm=[0, 2, 1]))
        return str(net.add("MatMul", net.add("Softmax", asked, axis=-1), tokens))

    signal = followed(build)
    assert kinds(signal) == [[], [kind], ["number"]]
    assert [(look.asking, look.over) for look in signal.looks] == ([(1, 2)] if kind == "query" else [])


def test_scores_are_known_column_by_column() -> None:
    def build(net: Net, data: str) -> str:
        box, scores = net.conv(data, 4, 1), net.add("Sigmoid", net.conv(data, 3, 1))
        joined = net.add("Concat", box, scores, axis=1)
        rows = net.rows(joined, 7)
        return str(net.add("Slice", rows, net.constant([2]), net.constant([7]), net.constant([2])))

    signal = followed(build)
    assert signal.mask is not None
    assert (signal.mask[0], signal.mask[1].tolist()) == (2, [False, False, True, True, True])


@pytest.mark.parametrize(("kind", "own"), [("LayerNormalization", True), ("Sub", True), ("Sub", False)])
def test_a_normalisation_takes_in_its_own_mean_only(kind: str, own: bool) -> None:
    def build(net: Net, data: str) -> str:
        other = data if own else net.conv(data, 8)
        return str(net.add("Sub", data, net.add("ReduceMean", other, axes=[1, 2, 3])))

    assert bool(followed(build).mixed) != own


def test_a_gate_is_forgotten_when_weights_mix_what_it_scaled() -> None:
    def gated(net: Net, data: str) -> str:
        return str(net.add("Mul", data, net.add("Sigmoid", net.add("GlobalAveragePool", data))))

    assert followed(gated).gate is not None
    assert followed(lambda net, data: net.conv(gated(net, data), 4)).gate is None


def test_a_length_written_out_is_found() -> None:
    def build(net: Net, data: str) -> str:
        squares = net.add("ReduceSum", net.add("Mul", data, data), net.constant([1]))
        length = net.add("Clip", net.add("Sqrt", squares), net.constant(1e-6, np.float32))
        return str(net.add("Div", data, length))

    assert "unit length" in str(followed(build).gate)


def test_what_cannot_be_followed_is_named() -> None:
    with pytest.raises(Untraceable, match="Det det"):
        followed(lambda net, data: net.add("Det", data))
