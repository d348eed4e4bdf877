"""The one gate through which every model goes: no session exists for a file that was not admitted here."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime

from schemas.card import ModelCard, Role, RowsOutput
from transforms import onnx_cut, onnx_graph
from transforms.held import columns
from transforms.outputs import Decode, Disagreement, prepare
from transforms.verdict import (
    SIZE_WITHOUT_CARD,
    Verdict,
    examine,
    examine_for,
    own_size,
    picture_kind,
)

MAX_MODEL_BYTES = 512 * 1024 * 1024


class ModelRefused(ValueError):
    """The file is not what its card says, or is no detector; the message says why and what to do.

    Attributes:
        verdict: What was decided, and why; None where the file was too large to be read.
    """

    def __init__(self, message: str, verdict: Verdict | None = None) -> None:
        """Take the message and the verdict behind it."""
        super().__init__(message)
        self.verdict = verdict


@dataclass(frozen=True, eq=False)
class Admitted:
    """A model that agreed with its card, ready to run.

    Attributes:
        session: One thread, CPU.
        decode: From the session's outputs to boxes in input pixels.
        output_names: Names of the outputs, as `decode` knows them.
        input_name: Name of the picture input.
        verdict: Why it was admitted, what was cut, and the hashes of the file and of the graph that runs.
    """

    session: onnxruntime.InferenceSession
    decode: Decode
    output_names: tuple[str, ...]
    input_name: str
    verdict: Verdict


def load(card: ModelCard, path: Path) -> Admitted:
    """Admit a model file: hash, what its graph computes, graph against card, one run on an empty picture.

    The file is read once; what was hashed and judged is what runs.

    Raises:
        ModelRefused: The file is not the card's, its graph is no detector's, or not the card's.
        OSError: The file cannot be read.
    """
    content, sha256 = _read(path)

    def verdict(reasons: tuple[str, ...], cut: tuple[str, ...] = ()) -> Verdict:
        return Verdict(card.role, not reasons, reasons, cut, card.licence, sha256, None)

    if sha256 != card.sha256:
        fault = (
            f"its sha256 is {sha256}, the card says {card.sha256}. Fetch the file again, or write a card for this one"
        )
        raise ModelRefused(f"{path} is not the file of card {card.name}: {fault}", verdict((fault,)))
    try:
        findings = examine_for(card, content)
        if reasons := findings.reasons:
            raise ModelRefused(f"{path} is refused for role {card.role}: {'; '.join(reasons)}", verdict(reasons))
        return _open(card, content, verdict((), findings.cut))
    except (onnx_graph.GraphError, Disagreement) as error:
        raise ModelRefused(f"{path} does not agree with card {card.name}: {error}", verdict((str(error),))) from error


def judge(path: Path, role: Role) -> Verdict:
    """Judge a model file without a card: what it computes, and what would be cut.

    The derived hash is that of the graph without the outputs that would be cut, at the file's own size.

    Raises:
        OSError: The file cannot be read.
        ModelRefused: It is too large to be looked into.
    """
    content, sha256 = _read(path)

    def verdict(reasons: tuple[str, ...], cut: tuple[str, ...] = (), derived: str | None = None) -> Verdict:
        return Verdict(role, not reasons, reasons, cut, None, sha256, derived)

    try:
        model = onnx_graph.parse(content)
        layout, dtype = picture_kind(model)
        size = own_size(model, layout) or SIZE_WITHOUT_CARD
        findings = examine(content, role, None, 0, layout, dtype, size)
    except onnx_graph.GraphError as error:
        return verdict((str(error),))
    if findings.reasons:
        return verdict(findings.reasons)
    derived = onnx_graph.serialise(onnx_cut.keep_outputs(model, findings.kept))
    return verdict((), findings.cut, hashlib.sha256(derived).hexdigest())


def _read(path: Path) -> tuple[bytes, str]:
    """Return a file's content and its hash."""
    if path.stat().st_size > MAX_MODEL_BYTES:
        raise ModelRefused(f"{path} is larger than {MAX_MODEL_BYTES >> 20} MiB")
    content = path.read_bytes()
    return content, hashlib.sha256(content).hexdigest()


def derive(card: ModelCard, content: bytes) -> tuple[bytes, tuple[int, ...]]:
    """Return the graph that runs, and the indices of its classes to read.

    The same card and content give the same bytes.

    Raises:
        GraphError: The content is no graph, or its input is not the card's.
    """
    model = onnx_graph.parse(content)
    onnx_graph.picture_input(model, card.input.name)
    if card.role == "face" and card.output.names:
        model = onnx_cut.keep_outputs(model, card.output.names)
    model = onnx_graph.resize(model, card.input.size, card.input.layout, card.input.dtype)
    model = onnx_graph.chain_pools(onnx_graph.fold_focus(model))
    classes = card.decoded
    if isinstance(card.output, RowsOutput):
        model = onnx_cut.take_columns(model, 2, columns(card.output, classes))
        classes = tuple(range(len(classes)))
    if card.output.kind == "yolox":
        model, pruned = onnx_graph.prune_yolox(model, classes)
        classes = tuple(range(len(classes))) if pruned else classes
    return onnx_graph.serialise(model), classes


def _open(card: ModelCard, content: bytes, verdict: Verdict) -> Admitted:
    graph, classes = derive(card, content)
    height, width = card.input.size
    shape = (1, 3, height, width) if card.input.layout == "nchw" else (1, height, width, 3)
    blank = np.full(shape, card.input.letterbox.pad, card.input.dtype)
    try:
        session = _session(graph)
        input_name = session.get_inputs()[0].name
        names = tuple(output.name for output in session.get_outputs())
        tensors = session.run(names, {input_name: blank})
    except MemoryError:
        raise
    except Exception as error:  # onnxruntime raises classes of its own that share no public base
        raise onnx_graph.GraphError(
            f"the graph cannot run with an input of {height}x{width} ({type(error).__name__}). If that is "
            "not the file's own size, try a multiple of 32, or the file's own"
        ) from error
    shapes = {name: tuple(np.shape(tensor)) for name, tensor in zip(names, tensors, strict=True)}
    decode = prepare(card.output, shapes, card.input.size, classes)
    verdict = replace(verdict, derived_sha256=hashlib.sha256(graph).hexdigest())
    return Admitted(session, decode, names, input_name, verdict)


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    """Open a graph so that the same picture gives the same bytes: CPU, one thread, in order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 3  # errors; they are raised too
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
