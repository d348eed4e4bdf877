"""Hand the job to a cluster: Flink or Dataflow."""
