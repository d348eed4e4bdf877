"""The edge agent: cameras to Pub/Sub, by way of a spool on disk that outlives whatever comes between."""
