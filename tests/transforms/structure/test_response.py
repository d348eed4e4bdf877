"""What graphs answer when a part of the picture changes."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.support import detectors
from tests.support.detectors import SIZE, Net
from transforms import onnx_graph
from transforms.structure import Misfit, Responses, follow, respond


def answered(content: bytes) -> Responses:
    model = onnx_graph.resize(onnx_graph.parse(content), SIZE, "nchw", "float32")
    followed = follow(model, "nchw")
    return respond(model, followed, list(followed.outputs), "nchw", "float32")


def built(build: Callable[[Net, str], str]) -> bytes:
    """Make a graph that goes on from a map [1, 8, 16, 24]."""
    net = Net()
    return net.done({"out": build(net, net.backbone(3)[-1])})


def scaled(net: Net, data: str) -> str:
    ones = net.add("Add", net.add("Mul", data, net.constant(0, np.float32)), net.constant(1, np.float32))
    return str(net.conv(net.add("Mul", ones, net.add("GlobalAveragePool", data)), 8, 1))


def best(net: Net, data: str) -> str:
    rows = net.rows(data, 8)
    indices = net.add("TopK", net.add("ReduceMax", rows, axes=[2], keepdims=0), net.constant([20]), outputs=2, axis=1)
    return str(net.add("GatherND", rows, net.add("Unsqueeze", indices[1], net.constant([2])), batch_dims=1))


@pytest.mark.parametrize("name", detectors.PEOPLE)
def test_detectors_answer_place_by_place(name: str) -> None:
    assert answered(detectors.PEOPLE[name]()) == Responses(frozenset(), frozenset())


def test_what_changes_alike_everywhere_is_found() -> None:
    assert answered(built(scaled)).spread == {"out"}


def test_what_never_changes_is_no_answer() -> None:
    zeros = built(lambda net, data: net.add("Mul", data, net.constant(0, np.float32)))
    assert answered(zeros) == Responses(frozenset(), frozenset())


def test_places_are_looked_at_before_the_picture_chooses_among_them() -> None:
    assert answered(built(best)).spread == frozenset()
    sources = answered(built(lambda net, data: best(net, scaled(net, data)))).spread
    assert sources
    assert "out" not in sources


@pytest.mark.parametrize(("size", "even"), [(1.0, False), (1e-6, True), (0.0, True)])
def test_queries_that_all_see_the_same_are_found(size: float, even: bool) -> None:
    def build(net: Net, data: str) -> str:
        tokens = net.rows(data, 8)
        keys = net.add("Transpose", net.add("Add", tokens, net.weights(1, 16 * 24, 8)), perm=[0, 2, 1])
        asking = net.constant(np.random.default_rng(2).normal(0, 1, (1, 20, 8)) * size, np.float32)
        weights = net.add("Softmax", net.add("MatMul", asking, keys), axis=-1)
        return str(net.add("Mul", net.add("MatMul", weights, tokens), net.weights(1, 20, 8)))

    found = answered(built(build))
    assert bool(found.even) == even


def test_a_graph_that_cannot_run_is_told() -> None:
    content = built(lambda net, data: net.add("Gather", net.rows(data, 8), net.constant([10**6] * 2), axis=1))
    with pytest.raises(Misfit, match="the graph cannot be"):
        answered(content)
