"""The model card: everything that must be known of a detector before its file is opened.

A card pins one file by sha256 and says how pictures go into its graph and how boxes come out of it. Nothing
is guessed from the file: what the card says and what the graph does must agree, or the model is not loaded.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, model_validator

from schemas.demographics import describes_people

Role = Literal["person", "face"]

ALLOWED_CLASSES: dict[Role, frozenset[str]] = {
    "person": frozenset({"person"}),
    "face": frozenset({"face"}),
}
"""The class names that a model of each role may have decoded. All others are never read."""

_DIGITS = 12

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=32, le=4096)]
Byte = Annotated[int, Field(ge=0, le=255)]
Triple = tuple[float, float, float]
Divisor = Annotated[float, Field(gt=0)]
Column = Annotated[int, Field(ge=0, le=4096)]
Strides = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Output(_Strict):
    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tensors that are read; empty where all are, whatever their names."""
        return ()


class Letterbox(_Strict):
    """How a picture of another shape is fitted to the input."""

    mode: Literal["letterbox-top-left", "letterbox-centre", "stretch"] = "letterbox-top-left"
    pad: Byte = Field(default=114, description="Value of the padding, before scaling.")


class Input(_Strict):
    """The input tensor. A channel enters the graph as `(value * scale - mean) / std`, value 0..255."""

    name: Text | None = Field(default=None, description="Name of the input tensor, to be checked.")
    size: tuple[Side, Side] = Field(description="Height and width; the graph is resized where it differs.")
    layout: Literal["nchw", "nhwc"] = "nchw"
    colour: Literal["bgr", "rgb"] = Field(description="Order of the channels, also of mean and std.")
    dtype: Literal["float32", "uint8"] = "float32"
    scale: Divisor = 1.0
    mean: Triple = (0.0, 0.0, 0.0)
    std: tuple[Divisor, Divisor, Divisor] = (1.0, 1.0, 1.0)
    letterbox: Letterbox = Letterbox()

    @model_validator(mode="after")
    def _bytes_are_not_scaled(self) -> Self:
        if self.dtype == "uint8" and (self.scale, self.mean, self.std) != (1.0, (0.0,) * 3, (1.0,) * 3):
            raise ValueError("a uint8 input takes pixels as they are: leave out scale, mean and std")
        return self


class YoloxOutput(_Output):
    """One tensor [1, N, 5 + C]: box offsets by cell and stride, object score, class scores."""

    kind: Literal["yolox"]
    strides: Strides = (8, 16, 32)


class NanodetOutput(_Output):
    """For each stride, class scores [1, n, C] and side distributions [1, n, 4 * (reg_max + 1)]."""

    kind: Literal["nanodet"]
    strides: Strides = (8, 16, 32)
    reg_max: PositiveInt = 7


class YunetOutput(_Output):
    """For each stride S `cls_S` and `obj_S` [1, n, 1] and `bbox_S` [1, n, 4]: two scores, box by cell and stride.

    The names are those of the published exports, by which OpenCV reads them too.
    """

    kind: Literal["yunet"]
    strides: Strides = (8, 16, 32)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{part}_{stride}" for part in ("cls", "obj", "bbox") for stride in self.strides)


class FastestDetOutput(_Output):
    """One tensor [1, 5 + C, h, w]: object score, box by cell, class scores."""

    kind: Literal["fastestdet"]


class _CentreOutput(_Output):
    stride: PositiveInt = 4
    heatmap: Text
    unit: Literal["cells", "pixels"] = Field(description="In which the boxes are measured.")


class CenterNetOutput(_CentreOutput):
    """Maps of the input over `stride`: centres [1, C, h, w], sizes and offsets within the cell [1, 2, h, w]."""

    kind: Literal["centernet"]
    size: Text
    offset: Text
    first: Literal["x", "y"] = Field(default="x", description="What channel 0 of size and offset stands for.")
    measure: Literal["linear", "log"] = Field(default="linear", description="Whether sizes are their logarithms.")
    origin: Literal["corner", "centre"] = Field(default="corner", description="From where in the cell offsets go.")

    @property
    def names(self) -> tuple[str, ...]:
        return self.heatmap, self.size, self.offset


class CenterNetSidesOutput(_CentreOutput):
    """Maps of the input over `stride`: centres [1, C, h, w], and distances to the sides [1, 4, h, w].

    Distances go from the cell's corner to the left, top, right and bottom of the box.
    """

    kind: Literal["centernet_sides"]
    sides: Text

    @property
    def names(self) -> tuple[str, ...]:
        return self.heatmap, self.sides


class SsdOutput(_Output):
    """One tensor [1, 1, N, 7]: picture, class, score and box x1, y1, x2, y2 as shares of the input."""

    kind: Literal["ssd"]


class DetrOutput(_Output):
    """Queries: boxes [1, Q, 4] (centre and size as shares of the input) and class logits [1, Q, C]."""

    kind: Literal["detr"]
    boxes: Text
    logits: Text
    activation: Literal["sigmoid", "softmax"]

    @property
    def names(self) -> tuple[str, ...]:
        return self.boxes, self.logits


class ScoresBoxesOutput(_Output):
    """Candidates in two tensors: scores [1, N, C] and boxes [1, N, 4]."""

    kind: Literal["scores_boxes"]
    scores: Text
    boxes: Text
    activation: Literal["none", "sigmoid", "softmax"] = "none"
    corners: Literal["xyxy", "cxcywh"] = "xyxy"
    unit: Literal["pixels", "share"] = Field(description="Input pixels, or shares of the input's sides.")

    @property
    def names(self) -> tuple[str, ...]:
        return self.scores, self.boxes


class RowsOutput(_Output):
    """One tensor [1, N, W], a candidate a row: which columns are its box, its object score and its class scores.

    All columns that are neither are cut from the graph: of a face detector, its landmarks.
    """

    kind: Literal["rows"]
    box: Column = Field(default=0, description="The first of the four columns of the box.")
    object: Column | None = Field(default=None, description="The column of a score by which all others are multiplied.")
    scores: Column = Field(description="The first column of the class scores, of which the card must name all.")
    corners: Literal["xyxy", "cxcywh"] = "xyxy"
    unit: Literal["pixels", "share"] = Field(description="Input pixels, or shares of the input's sides.")


class NmsOutput(_Output):
    """Final boxes from a graph with its own NMS: [N, 6] or [1, N, 6] of x1, y1, x2, y2, score, class."""

    kind: Literal["nms"]
    unit: Literal["pixels", "share"] = Field(description="Input pixels, or shares of the input's sides.")


Output = Annotated[
    YoloxOutput
    | NanodetOutput
    | YunetOutput
    | FastestDetOutput
    | CenterNetOutput
    | CenterNetSidesOutput
    | SsdOutput
    | DetrOutput
    | ScoresBoxesOutput
    | RowsOutput
    | NmsOutput,
    Field(discriminator="kind"),
]


class Thresholds(_Strict):
    """What is kept of the candidates, and what their scores mean."""

    score: Share = Field(default=0.1, description="Boxes with a lower score are dropped.")
    even: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.5,
        description="Score that parts people from other things best (highest F1). Scores are bent by a power so that "
        "it becomes 0.5, for which tracking is made: every model means the same by a score then.",
    )
    nms_iou: Share | None = Field(default=0.65, description="Overlap above which the weaker goes; null: off.")


def _indices(classes: Any) -> Any:
    """Turn a list of class names into the form name: index."""
    if isinstance(classes, list):
        if len(set(map(str, classes))) != len(classes):
            raise ValueError("a class name is listed twice")
        return {name: index for index, name in enumerate(classes)}
    return classes


class ModelCard(_Strict):
    """One detector: which file, whose, under what licence, and how to use it."""

    name: Name
    version: Text | None = None
    uri: str = Field(
        pattern=r"^(https://|file:///|gs://|builtin:)[^\s]+\.onnx$",
        description="Where the file is fetched from; builtin: for a file inside the package.",
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the file as fetched.")
    licence: Text = Field(description="SPDX identifier, or the words of the owner.")
    source: Text = Field(description="Who made the weights, and where that can be read.")
    role: Role
    input: Input
    output: Output
    classes: Annotated[dict[Text, Annotated[int, Field(ge=0)]], BeforeValidator(_indices)] = Field(
        description="Class names and their indices in the output; or the list of all names."
    )
    thresholds: Thresholds = Thresholds()

    @property
    def decoded(self) -> tuple[int, ...]:
        """Indices of the classes that may be read, ascending."""
        allowed = ALLOWED_CLASSES[self.role]
        return tuple(sorted({index for name, index in self.classes.items() if name in allowed}))

    @property
    def named(self) -> int:
        """Number of classes that the card accounts for, from index 0 on."""
        return max(self.classes.values()) + 1

    @property
    def digits(self) -> str:
        """What records say of the model: the first digits of the file's sha256."""
        return self.sha256[:_DIGITS]

    @property
    def file_name(self) -> str:
        """Name of the model file, as in the uri."""
        return self.uri.rsplit("/", 1)[-1].removeprefix("builtin:")

    @model_validator(mode="after")
    def _no_attributes_of_people(self) -> Self:
        told = [name for name in self.classes if describes_people(name)]
        if told:
            raise ValueError(
                f"classes: {', '.join(told)} tell what sort of person it is (age, sex, origin, mood), which no model "
                "may output here; use a detector without such classes"
            )
        return self

    @model_validator(mode="after")
    def _something_to_decode(self) -> Self:
        if not self.decoded:
            allowed = ", ".join(sorted(ALLOWED_CLASSES[self.role]))
            raise ValueError(f"classes: none is allowed for role {self.role} (allowed: {allowed})")
        return self
