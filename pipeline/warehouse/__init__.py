"""Records in a warehouse: BigQuery, and the same SQL on a laptop."""
