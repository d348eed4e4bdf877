"""Contracts: the Avro schemas of what leaves the job, the clip envelope, the site file and the model card."""
