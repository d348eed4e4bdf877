-- The same tables over the job's Avro files, for those who load nothing: slower with every file, and always up to date.
-- Put the job's --output in place of gs://BUCKET/OUTPUT. BigQuery wants at least one file for each table: leave out a
-- family that has none (as queue, without queue zones), and run tables.sql afterwards, which makes those that are missing.
-- The folders site=…/date=… are not declared as partitions: BigQuery refuses a key that is a field of the files too.
-- Make the dataset silhouette, or put the name of yours; then: bq query --use_legacy_sql=false < external_tables.sql
-- Made from schemas/*.avsc by `make schema`: change it there.

CREATE OR REPLACE EXTERNAL TABLE silhouette.footfall_history
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/footfall/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.occupancy_history
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/occupancy/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.dwell_history
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/dwell/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.queue_history
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/queue/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.flow_history
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/flow/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.heatmap_history
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/heatmap/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.movement_history
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/movement/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.camera_health_history
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/camera_health/*.avro"]
);
