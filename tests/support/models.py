"""Models of the evaluation data, as a folder that `SILHOUETTE_MODELS` can name."""

import hashlib
from pathlib import Path

from pipeline.models.cards import read_card

CARDS = Path(__file__).parent / "cards"


def shared_models_folder(folder: Path, shared: Path) -> Path:
    """Fill a new folder `models` with the test cards and links to their files, and return it.

    Args:
        folder: Where to make it, such as pytest's `tmp_path`.
        shared: The folder of evaluation data and models.
    """
    models = folder / "models"
    models.mkdir()
    files = {
        hashlib.sha256(path.read_bytes()).hexdigest(): path.resolve()
        for role in ("person", "face")
        for path in (shared / "models" / role).glob("*.onnx")
    }
    for origin in CARDS.glob("*.yaml"):
        (models / origin.name).symlink_to(origin)
        card = read_card(origin)
        link = models / card.file_name
        if not link.exists():
            link.symlink_to(files[card.sha256])
    return models
