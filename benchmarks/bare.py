"""Bare onnxruntime, nothing around it: `python -m benchmarks.bare ARCHIVE MODEL PASSES PART OF`.

One thread, on the model file as the user has it. All frames of the archive (or, for one of several processes, its
share of them) are decoded, scaled and laid out as input tensors before work begins, so that nothing but `run` is
measured.
"""

from __future__ import annotations

import sys
import time
from itertools import chain
from pathlib import Path

from benchmarks.footage import clips
from benchmarks.plain import letterboxed, open_session, pictures
from benchmarks.stopwatch import tell, wait_for_start


def main(archive: str, model: str, passes: str, part: str, of: str) -> None:
    """Run the model on every frame of this process's share."""
    session = open_session(model, 1)
    frames = chain.from_iterable(map(pictures, clips(Path(archive))))
    tensors = [letterboxed(frame)[0] for index, frame in enumerate(frames) if index % int(of) == int(part)]
    for tensor in tensors[:10]:
        session.run(None, {"images": tensor})
    wait_for_start()
    begin = time.monotonic()
    for _ in range(int(passes)):
        for tensor in tensors:
            session.run(None, {"images": tensor})
    tell(int(passes) * len(tensors), begin, time.monotonic())


if __name__ == "__main__":
    main(*sys.argv[1:])
