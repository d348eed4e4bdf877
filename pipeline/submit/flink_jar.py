"""The job as one jar, which the Flink Kubernetes Operator runs as an application of its own."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipeline.config import Config

MAIN = "org.apache.beam.runners.flink.FlinkPipelineRunner"
"""The jar's entry class."""


def write_jar(config: Config, options: PipelineOptions, server: Path, target: Path) -> None:
    """Write Beam's job server with the job inside it, as Beam lays out such a jar; it appears whole.

    Args:
      config: The job.
      options: Beam's options, which go into the jar.
      server: The jar of Beam's job server, for the Flink version of the cluster.
      target: Where to write the jar.

    Raises:
      OSError: a jar cannot be read or written.
      zipfile.BadZipFile: the job server is no jar.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import StandardOptions
    from apache_beam.runners.portability.abstract_job_service import UberJarBeamJob
    from apache_beam.runners.portability.portable_runner import JobServiceHandle, PortableRunner
    from google.protobuf import json_format  # type: ignore[import-untyped]

    from pipeline.graph import build
    from pipeline.submit.paths import without_paths

    root = beam.Pipeline(options=options)
    with without_paths():
        build(root, config)
        graph = PortableRunner.get_proto_pipeline(root, options)
    options.view_as(StandardOptions).runner = None  # a name that means nothing to Java
    told = JobServiceHandle.encode_pipeline_options(options.get_all_options(retain_unknown_options=True))
    contents = {
        UberJarBeamJob.PIPELINE_PATH: json_format.MessageToJson(graph),
        UberJarBeamJob.PIPELINE_OPTIONS_PATH: json_format.MessageToJson(told),
        UberJarBeamJob.PIPELINE_MANIFEST: json.dumps({"defaultJobName": UberJarBeamJob.PIPELINE_NAME}),
    }
    staged = target.with_name(f".{target.name}.partial")
    try:
        shutil.copyfile(server, staged)
        with zipfile.ZipFile(staged, "a", zipfile.ZIP_DEFLATED) as jar:
            for name, content in contents.items():
                jar.writestr(name, content)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
