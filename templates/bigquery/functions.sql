-- The records as they stand, one function a family, for one window size in seconds:
-- SELECT * FROM silhouette.footfall(900). They stand on the tables of tables.sql or external_tables.sql.
-- `silhouette load bigquery` makes them.
-- Make the dataset silhouette, or put the name of yours; then: bq query --use_legacy_sql=false < functions.sql
-- Made from schemas/*.avsc by `make schema`: change it there.

CREATE OR REPLACE TABLE FUNCTION silhouette.footfall(window_size INT64) AS
SELECT DISTINCT r.*
FROM silhouette.footfall_history AS r
JOIN (
  SELECT v.site, v.window_start, MAX(v.site_version) AS site_version
  FROM (
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.footfall_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.occupancy_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.dwell_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.queue_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.flow_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.heatmap_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.movement_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.camera_health_history AS r
  ) AS v
  WHERE v.window_size_seconds = window_size
  GROUP BY v.site, v.window_start
) AS newest
ON r.site = newest.site AND r.window_start = newest.window_start AND r.site_version = newest.site_version
WHERE r.window_size_seconds = window_size
QUALIFY r.revision = MAX(r.revision) OVER (PARTITION BY r.site, r.group, r.window_start);

CREATE OR REPLACE TABLE FUNCTION silhouette.occupancy(window_size INT64) AS
SELECT DISTINCT r.*
FROM silhouette.occupancy_history AS r
JOIN (
  SELECT v.site, v.window_start, MAX(v.site_version) AS site_version
  FROM (
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.footfall_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.occupancy_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.dwell_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.queue_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.flow_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.heatmap_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.movement_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.camera_health_history AS r
  ) AS v
  WHERE v.window_size_seconds = window_size
  GROUP BY v.site, v.window_start
) AS newest
ON r.site = newest.site AND r.window_start = newest.window_start AND r.site_version = newest.site_version
WHERE r.window_size_seconds = window_size
QUALIFY r.revision = MAX(r.revision) OVER (PARTITION BY r.site, r.group, r.window_start);

CREATE OR REPLACE TABLE FUNCTION silhouette.dwell(window_size INT64) AS
SELECT DISTINCT r.*
FROM silhouette.dwell_history AS r
JOIN (
  SELECT v.site, v.window_start, MAX(v.site_version) AS site_version
  FROM (
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.footfall_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.occupancy_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.dwell_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.queue_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.flow_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.heatmap_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.movement_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.camera_health_history AS r
  ) AS v
  WHERE v.window_size_seconds = window_size
  GROUP BY v.site, v.window_start
) AS newest
ON r.site = newest.site AND r.window_start = newest.window_start AND r.site_version = newest.site_version
WHERE r.window_size_seconds = window_size
QUALIFY r.revision = MAX(r.revision) OVER (PARTITION BY r.site, r.group, r.window_start);

CREATE OR REPLACE TABLE FUNCTION silhouette.queue(window_size INT64) AS
SELECT DISTINCT r.*
FROM silhouette.queue_history AS r
JOIN (
  SELECT v.site, v.window_start, MAX(v.site_version) AS site_version
  FROM (
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.footfall_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.occupancy_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.dwell_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.queue_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.flow_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.heatmap_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.movement_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.camera_health_history AS r
  ) AS v
  WHERE v.window_size_seconds = window_size
  GROUP BY v.site, v.window_start
) AS newest
ON r.site = newest.site AND r.window_start = newest.window_start AND r.site_version = newest.site_version
WHERE r.window_size_seconds = window_size
QUALIFY r.revision = MAX(r.revision) OVER (PARTITION BY r.site, r.group, r.window_start);

CREATE OR REPLACE TABLE FUNCTION silhouette.flow(window_size INT64) AS
SELECT DISTINCT r.*
FROM silhouette.flow_history AS r
JOIN (
  SELECT v.site, v.window_start, MAX(v.site_version) AS site_version
  FROM (
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.footfall_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.occupancy_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.dwell_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.queue_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.flow_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.heatmap_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.movement_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.camera_health_history AS r
  ) AS v
  WHERE v.window_size_seconds = window_size
  GROUP BY v.site, v.window_start
) AS newest
ON r.site = newest.site AND r.window_start = newest.window_start AND r.site_version = newest.site_version
WHERE r.window_size_seconds = window_size
QUALIFY r.revision = MAX(r.revision) OVER (PARTITION BY r.site, r.group, r.window_start);

CREATE OR REPLACE TABLE FUNCTION silhouette.heatmap(window_size INT64) AS
SELECT DISTINCT r.*
FROM silhouette.heatmap_history AS r
JOIN (
  SELECT v.site, v.window_start, MAX(v.site_version) AS site_version
  FROM (
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.footfall_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.occupancy_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.dwell_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.queue_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.flow_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.heatmap_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.movement_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.camera_health_history AS r
  ) AS v
  WHERE v.window_size_seconds = window_size
  GROUP BY v.site, v.window_start
) AS newest
ON r.site = newest.site AND r.window_start = newest.window_start AND r.site_version = newest.site_version
WHERE r.window_size_seconds = window_size
QUALIFY r.revision = MAX(r.revision) OVER (PARTITION BY r.site, r.group, r.window_start);

CREATE OR REPLACE TABLE FUNCTION silhouette.movement(window_size INT64) AS
SELECT DISTINCT r.*
FROM silhouette.movement_history AS r
JOIN (
  SELECT v.site, v.window_start, MAX(v.site_version) AS site_version
  FROM (
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.footfall_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.occupancy_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.dwell_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.queue_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.flow_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.heatmap_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.movement_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.camera_health_history AS r
  ) AS v
  WHERE v.window_size_seconds = window_size
  GROUP BY v.site, v.window_start
) AS newest
ON r.site = newest.site AND r.window_start = newest.window_start AND r.site_version = newest.site_version
WHERE r.window_size_seconds = window_size
QUALIFY r.revision = MAX(r.revision) OVER (PARTITION BY r.site, r.group, r.window_start);

CREATE OR REPLACE TABLE FUNCTION silhouette.camera_health(window_size INT64) AS
SELECT DISTINCT r.*
FROM silhouette.camera_health_history AS r
JOIN (
  SELECT v.site, v.window_start, MAX(v.site_version) AS site_version
  FROM (
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.footfall_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.occupancy_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.dwell_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.queue_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.flow_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.heatmap_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.movement_history AS r
    UNION ALL
    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM silhouette.camera_health_history AS r
  ) AS v
  WHERE v.window_size_seconds = window_size
  GROUP BY v.site, v.window_start
) AS newest
ON r.site = newest.site AND r.window_start = newest.window_start AND r.site_version = newest.site_version
WHERE r.window_size_seconds = window_size
QUALIFY r.revision = MAX(r.revision) OVER (PARTITION BY r.site, r.group, r.window_start);
