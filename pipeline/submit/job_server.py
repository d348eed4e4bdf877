"""Whether Beam's job server is there to take a job."""

from __future__ import annotations

_ANSWER_S = 30.0


class JobServerError(RuntimeError):
    """There is no job server; the text says where it was looked for."""


def check_job_server(endpoint: str) -> None:
    """Ask the job server at HOST:PORT for its jobs, as a sign that it would take one.

    Raises:
      JobServerError: nobody answers there, or something else does.
    """
    import grpc  # type: ignore[import-untyped]
    from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

    with grpc.insecure_channel(endpoint) as channel:
        server = beam_job_api_pb2_grpc.JobServiceStub(channel)
        try:
            server.GetJobs(beam_job_api_pb2.GetJobsRequest(), timeout=_ANSWER_S)
        except grpc.RpcError as error:
            raise JobServerError(f"Beam's job server does not answer at {endpoint} ({error.code().name})") from error
