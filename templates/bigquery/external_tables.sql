-- The same tables over the job's Avro files, for those who load nothing: slower with every file, and always up to date.
-- Put the job's --output in place of gs://BUCKET/OUTPUT. BigQuery wants at least one file for each table: leave out a
-- family that has none (as queue, without queue zones), and run tables.sql afterwards, which makes those that are missing.
-- The folders site=…/date=… are not declared as partitions: BigQuery refuses a key that is a field of the files too.
-- Make the dataset silhouette, or put the name of yours; then: bq query --use_legacy_sql=false < external_tables.sql
-- Made from schemas/*.avsc by `make schema`: change it there.

CREATE OR REPLACE EXTERNAL TABLE silhouette.footfall_history (
  `schema_version` INT64 OPTIONS (description = "Version of this schema."),
  `pipeline_version` STRING OPTIONS (description = "Version of the software that wrote the record."),
  `model` STRING OPTIONS (description = "First 12 hexadecimal digits of the sha256 of the camera's detection model."),
  `site` STRING OPTIONS (description = "Name of the site."),
  `site_version` INT64 OPTIONS (description = "Number that the operator raises with every change that changes records."),
  `group` STRING OPTIONS (description = "Cameras that are counted as one; the camera's own name where it stands alone."),
  `camera` STRING OPTIONS (description = "Name of the camera."),
  `line` STRING OPTIONS (description = "Name of the line."),
  `direction` STRING OPTIONS (description = "Name of the direction, as the site file gives it."),
  `window_start` TIMESTAMP OPTIONS (description = "Start of the window, UTC, inclusive."),
  `window_end` TIMESTAMP OPTIONS (description = "End of the window, UTC, exclusive."),
  `window_size_seconds` INT64 OPTIONS (description = "Size of the windows that this one belongs to, in seconds."),
  `window_seconds` INT64 OPTIONS (description = "Length of this window in seconds: less than the size where the site day ends within it."),
  `revision` INT64 OPTIONS (description = "Distinct clips of the group and site day that start before the window's end; a higher one replaces all rows of the group, family and window."),
  `coverage` FLOAT64 OPTIONS (description = "Observed time over scheduled time, 0 to 1; 0 is no data."),
  `observed_ms` INT64 OPTIONS (description = "Scheduled milliseconds of the window that sound pictures stand for."),
  `scheduled_ms` INT64 OPTIONS (description = "Milliseconds of the window in which the site is watched."),
  `count` INT64 OPTIONS (description = "Confirmed people who crossed the line in this direction; null for no data or suppressed."),
  `n` INT64 OPTIONS (description = "Crossings behind the count."),
  `suppressed` BOOL OPTIONS (description = "True where the cell has fewer than the site's k behind it, or would give away one that has: the values are null, and n is 0. Never where the family's k is 1, as by default."),
  `count_low` INT64 OPTIONS (description = "Lower end of the 90% error interval of count, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `count_high` INT64 OPTIONS (description = "Upper end of the 90% error interval of count, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed.")
)
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/footfall/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.occupancy_history (
  `schema_version` INT64 OPTIONS (description = "Version of this schema."),
  `pipeline_version` STRING OPTIONS (description = "Version of the software that wrote the record."),
  `model` STRING OPTIONS (description = "First 12 hexadecimal digits of the sha256 of the camera's detection model."),
  `site` STRING OPTIONS (description = "Name of the site."),
  `site_version` INT64 OPTIONS (description = "Number that the operator raises with every change that changes records."),
  `group` STRING OPTIONS (description = "Cameras that are counted as one; the camera's own name where it stands alone."),
  `camera` STRING OPTIONS (description = "Name of the camera; the group's for a zone that its cameras share."),
  `zone` STRING OPTIONS (description = "Name of the zone."),
  `window_start` TIMESTAMP OPTIONS (description = "Start of the window, UTC, inclusive."),
  `window_end` TIMESTAMP OPTIONS (description = "End of the window, UTC, exclusive."),
  `window_size_seconds` INT64 OPTIONS (description = "Size of the windows that this one belongs to, in seconds."),
  `window_seconds` INT64 OPTIONS (description = "Length of this window in seconds: less than the size where the site day ends within it."),
  `revision` INT64 OPTIONS (description = "Distinct clips of the group and site day that start before the window's end; a higher one replaces all rows of the group, family and window."),
  `coverage` FLOAT64 OPTIONS (description = "Observed time over scheduled time, 0 to 1; 0 is no data."),
  `observed_ms` INT64 OPTIONS (description = "Scheduled milliseconds of the window that sound pictures stand for."),
  `scheduled_ms` INT64 OPTIONS (description = "Milliseconds of the window in which the site is watched."),
  `mean` FLOAT64 OPTIONS (description = "Time-weighted mean number of people over the observed time; null for no data or suppressed."),
  `peak` INT64 OPTIONS (description = "Most people seen at one instant; null for no data or suppressed. One who is hidden for a moment is not in it, but in the mean once seen again."),
  `person_seconds` FLOAT64 OPTIONS (description = "Sum of the observed time of all people in the zone, in seconds; null for no data or suppressed."),
  `open_visits` INT64 OPTIONS (description = "Visits that go on at the window's end; null for no data or suppressed."),
  `n` INT64 OPTIONS (description = "Visits behind the values: those that ended in the window and those open at its end."),
  `suppressed` BOOL OPTIONS (description = "True where the cell has fewer than the site's k behind it, or would give away one that has: the values are null, and n is 0. Never where the family's k is 1, as by default."),
  `mean_low` FLOAT64 OPTIONS (description = "Lower end of the 90% error interval of mean, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `mean_high` FLOAT64 OPTIONS (description = "Upper end of the 90% error interval of mean, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `peak_low` INT64 OPTIONS (description = "Lower end of the 90% error interval of peak, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `peak_high` INT64 OPTIONS (description = "Upper end of the 90% error interval of peak, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed.")
)
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/occupancy/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.dwell_history (
  `schema_version` INT64 OPTIONS (description = "Version of this schema."),
  `pipeline_version` STRING OPTIONS (description = "Version of the software that wrote the record."),
  `model` STRING OPTIONS (description = "First 12 hexadecimal digits of the sha256 of the camera's detection model."),
  `site` STRING OPTIONS (description = "Name of the site."),
  `site_version` INT64 OPTIONS (description = "Number that the operator raises with every change that changes records."),
  `group` STRING OPTIONS (description = "Cameras that are counted as one; the camera's own name where it stands alone."),
  `camera` STRING OPTIONS (description = "Name of the camera; the group's for a zone that its cameras share."),
  `zone` STRING OPTIONS (description = "Name of the zone."),
  `status` STRING OPTIONS (description = "What became of the visits."),
  `bin` INT64 OPTIONS (description = "Number of the bin, from 0; -1 for the total of the status."),
  `window_start` TIMESTAMP OPTIONS (description = "Start of the window, UTC, inclusive."),
  `window_end` TIMESTAMP OPTIONS (description = "End of the window, UTC, exclusive."),
  `window_size_seconds` INT64 OPTIONS (description = "Size of the windows that this one belongs to, in seconds."),
  `window_seconds` INT64 OPTIONS (description = "Length of this window in seconds: less than the size where the site day ends within it."),
  `revision` INT64 OPTIONS (description = "Distinct clips of the group and site day that start before the window's end; a higher one replaces all rows of the group, family and window."),
  `coverage` FLOAT64 OPTIONS (description = "Observed time over scheduled time, 0 to 1; 0 is no data."),
  `observed_ms` INT64 OPTIONS (description = "Scheduled milliseconds of the window that sound pictures stand for."),
  `scheduled_ms` INT64 OPTIONS (description = "Milliseconds of the window in which the site is watched."),
  `from_seconds` FLOAT64 OPTIONS (description = "Shortest stay of the bin, inclusive, in seconds."),
  `until_seconds` FLOAT64 OPTIONS (description = "Longest stay of the bin, exclusive, in seconds; null for the last bin and for totals."),
  `visits` INT64 OPTIONS (description = "Visits; null for no data or suppressed."),
  `mean_seconds` FLOAT64 OPTIONS (description = "Mean stay in seconds, in total rows of ended visits; null where there are none, for no data, suppressed, or beside a suppressed bin."),
  `p50_seconds` FLOAT64 OPTIONS (description = "Median stay in seconds (nearest rank), as mean_seconds."),
  `p90_seconds` FLOAT64 OPTIONS (description = "90th percentile of the stay in seconds (nearest rank), as mean_seconds."),
  `n` INT64 OPTIONS (description = "Visits behind the row."),
  `suppressed` BOOL OPTIONS (description = "True where the cell has fewer than the site's k behind it, or would give away one that has: the values are null, and n is 0."),
  `visits_low` INT64 OPTIONS (description = "Lower end of the 90% error interval of visits, by the audit of the camera or group, for the observed time; none for censored visits; null where no audit tells it, for no data or suppressed."),
  `visits_high` INT64 OPTIONS (description = "Upper end of the 90% error interval of visits, by the audit of the camera or group, for the observed time; none for censored visits; null where no audit tells it, for no data or suppressed.")
)
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/dwell/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.queue_history (
  `schema_version` INT64 OPTIONS (description = "Version of this schema."),
  `pipeline_version` STRING OPTIONS (description = "Version of the software that wrote the record."),
  `model` STRING OPTIONS (description = "First 12 hexadecimal digits of the sha256 of the camera's detection model."),
  `site` STRING OPTIONS (description = "Name of the site."),
  `site_version` INT64 OPTIONS (description = "Number that the operator raises with every change that changes records."),
  `group` STRING OPTIONS (description = "Cameras that are counted as one; the camera's own name where it stands alone."),
  `camera` STRING OPTIONS (description = "Name of the camera; the group's for a zone that its cameras share."),
  `zone` STRING OPTIONS (description = "Name of the zone."),
  `window_start` TIMESTAMP OPTIONS (description = "Start of the window, UTC, inclusive."),
  `window_end` TIMESTAMP OPTIONS (description = "End of the window, UTC, exclusive."),
  `window_size_seconds` INT64 OPTIONS (description = "Size of the windows that this one belongs to, in seconds."),
  `window_seconds` INT64 OPTIONS (description = "Length of this window in seconds: less than the size where the site day ends within it."),
  `revision` INT64 OPTIONS (description = "Distinct clips of the group and site day that start before the window's end; a higher one replaces all rows of the group, family and window."),
  `coverage` FLOAT64 OPTIONS (description = "Observed time over scheduled time, 0 to 1; 0 is no data."),
  `observed_ms` INT64 OPTIONS (description = "Scheduled milliseconds of the window that sound pictures stand for."),
  `scheduled_ms` INT64 OPTIONS (description = "Milliseconds of the window in which the site is watched."),
  `length_mean` FLOAT64 OPTIONS (description = "Time-weighted mean number of people who wait (inside for the entry grace or longer: the confirmed length; whoever is inside at all is in occupancy); null for no data or suppressed."),
  `length_peak` INT64 OPTIONS (description = "Most people who waited at one instant; null for no data or suppressed."),
  `joined` INT64 OPTIONS (description = "People who joined the queue; null for no data, suppressed, or where it would tell a suppressed number of others."),
  `left` INT64 OPTIONS (description = "People who were seen to leave it, in the window in which that is proven (once the exit grace is over, or the track has timed out); null for no data or suppressed."),
  `wait_mean_seconds` FLOAT64 OPTIONS (description = "Mean wait of those who left, in seconds; null where nobody left, for no data, suppressed, or beside a suppressed bin of dwell."),
  `wait_p50_seconds` FLOAT64 OPTIONS (description = "Median wait of those who left (nearest rank), as wait_mean_seconds."),
  `wait_p90_seconds` FLOAT64 OPTIONS (description = "90th percentile of the wait of those who left (nearest rank), as wait_mean_seconds."),
  `wait_max_seconds` FLOAT64 OPTIONS (description = "Longest wait of those who left, as wait_mean_seconds."),
  `n` INT64 OPTIONS (description = "People behind the values: those who left in the window and those who wait at its end."),
  `suppressed` BOOL OPTIONS (description = "True where the cell has fewer than the site's k behind it, or would give away one that has: the values are null, and n is 0. Never where the family's k is 1, as by default."),
  `left_low` INT64 OPTIONS (description = "Lower end of the 90% error interval of left, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `left_high` INT64 OPTIONS (description = "Upper end of the 90% error interval of left, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `length_mean_low` FLOAT64 OPTIONS (description = "Lower end of the 90% error interval of length_mean, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `length_mean_high` FLOAT64 OPTIONS (description = "Upper end of the 90% error interval of length_mean, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `length_peak_low` INT64 OPTIONS (description = "Lower end of the 90% error interval of length_peak, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `length_peak_high` INT64 OPTIONS (description = "Upper end of the 90% error interval of length_peak, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `joined_low` INT64 OPTIONS (description = "Lower end of the 90% error interval of joined, by the audit of the camera or group, for the observed time; null where no audit tells it, and where joined is."),
  `joined_high` INT64 OPTIONS (description = "Upper end of the 90% error interval of joined, by the audit of the camera or group, for the observed time; null where no audit tells it, and where joined is.")
)
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/queue/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.flow_history (
  `schema_version` INT64 OPTIONS (description = "Version of this schema."),
  `pipeline_version` STRING OPTIONS (description = "Version of the software that wrote the record."),
  `model` STRING OPTIONS (description = "First 12 hexadecimal digits of the sha256 of the camera's detection model."),
  `site` STRING OPTIONS (description = "Name of the site."),
  `site_version` INT64 OPTIONS (description = "Number that the operator raises with every change that changes records."),
  `group` STRING OPTIONS (description = "Cameras that are counted as one; the camera's own name where it stands alone."),
  `camera` STRING OPTIONS (description = "Name of the camera."),
  `from_zone` STRING OPTIONS (description = "Name of the zone that was visited before; * in the total row."),
  `to_zone` STRING OPTIONS (description = "Name of the zone whose visit began; * in the total row."),
  `window_start` TIMESTAMP OPTIONS (description = "Start of the window, UTC, inclusive."),
  `window_end` TIMESTAMP OPTIONS (description = "End of the window, UTC, exclusive."),
  `window_size_seconds` INT64 OPTIONS (description = "Size of the windows that this one belongs to, in seconds."),
  `window_seconds` INT64 OPTIONS (description = "Length of this window in seconds: less than the size where the site day ends within it."),
  `revision` INT64 OPTIONS (description = "Distinct clips of the group and site day that start before the window's end; a higher one replaces all rows of the group, family and window."),
  `coverage` FLOAT64 OPTIONS (description = "Observed time over scheduled time, 0 to 1; 0 is no data."),
  `observed_ms` INT64 OPTIONS (description = "Scheduled milliseconds of the window that sound pictures stand for."),
  `scheduled_ms` INT64 OPTIONS (description = "Milliseconds of the window in which the site is watched."),
  `count` INT64 OPTIONS (description = "Visits of to_zone that began (passed the entry grace) in the window, by people whose visit before was of from_zone; null for no data or suppressed."),
  `n` INT64 OPTIONS (description = "Transitions behind the count."),
  `suppressed` BOOL OPTIONS (description = "True where the cell has fewer than the site's k behind it, or would give away one that has: the values are null, and n is 0."),
  `count_low` INT64 OPTIONS (description = "Lower end of the 90% error interval of count, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `count_high` INT64 OPTIONS (description = "Upper end of the 90% error interval of count, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed.")
)
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/flow/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.heatmap_history (
  `schema_version` INT64 OPTIONS (description = "Version of this schema."),
  `pipeline_version` STRING OPTIONS (description = "Version of the software that wrote the record."),
  `model` STRING OPTIONS (description = "First 12 hexadecimal digits of the sha256 of the camera's detection model."),
  `site` STRING OPTIONS (description = "Name of the site."),
  `site_version` INT64 OPTIONS (description = "Number that the operator raises with every change that changes records."),
  `group` STRING OPTIONS (description = "Cameras that are counted as one; the camera's own name where it stands alone."),
  `camera` STRING OPTIONS (description = "Name of the camera."),
  `cell_column` INT64 OPTIONS (description = "Column of the cell from the left, from 0; -1 in the total row."),
  `cell_row` INT64 OPTIONS (description = "Row of the cell from the top, from 0; -1 in the total row."),
  `window_start` TIMESTAMP OPTIONS (description = "Start of the window, UTC, inclusive."),
  `window_end` TIMESTAMP OPTIONS (description = "End of the window, UTC, exclusive."),
  `window_size_seconds` INT64 OPTIONS (description = "Size of the windows that this one belongs to, in seconds."),
  `window_seconds` INT64 OPTIONS (description = "Length of this window in seconds: less than the size where the site day ends within it."),
  `revision` INT64 OPTIONS (description = "Distinct clips of the group and site day that start before the window's end; a higher one replaces all rows of the group, family and window."),
  `coverage` FLOAT64 OPTIONS (description = "Observed time over scheduled time, 0 to 1; 0 is no data."),
  `observed_ms` INT64 OPTIONS (description = "Scheduled milliseconds of the window that sound pictures stand for."),
  `scheduled_ms` INT64 OPTIONS (description = "Milliseconds of the window in which the site is watched."),
  `columns` INT64 OPTIONS (description = "Columns of the grid."),
  `rows` INT64 OPTIONS (description = "Rows of the grid."),
  `person_seconds` FLOAT64 OPTIONS (description = "Sum of the observed time of all foot points in the cell, in seconds; null for no data or suppressed."),
  `n` INT64 OPTIONS (description = "Passages through the cell (in the total row: through all cells)."),
  `suppressed` BOOL OPTIONS (description = "True where the cell has fewer than the site's k behind it, or would give away one that has: the values are null, and n is 0."),
  `person_seconds_low` FLOAT64 OPTIONS (description = "Lower end of the 90% error interval of person_seconds, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `person_seconds_high` FLOAT64 OPTIONS (description = "Upper end of the 90% error interval of person_seconds, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed.")
)
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/heatmap/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.movement_history (
  `schema_version` INT64 OPTIONS (description = "Version of this schema."),
  `pipeline_version` STRING OPTIONS (description = "Version of the software that wrote the record."),
  `model` STRING OPTIONS (description = "First 12 hexadecimal digits of the sha256 of the camera's detection model."),
  `site` STRING OPTIONS (description = "Name of the site."),
  `site_version` INT64 OPTIONS (description = "Number that the operator raises with every change that changes records."),
  `group` STRING OPTIONS (description = "Cameras that are counted as one; the camera's own name where it stands alone."),
  `camera` STRING OPTIONS (description = "Name of the camera; the group's for a zone that its cameras share."),
  `zone` STRING OPTIONS (description = "Name of the zone."),
  `sector` STRING OPTIONS (description = "Direction of the strides on the floor."),
  `window_start` TIMESTAMP OPTIONS (description = "Start of the window, UTC, inclusive."),
  `window_end` TIMESTAMP OPTIONS (description = "End of the window, UTC, exclusive."),
  `window_size_seconds` INT64 OPTIONS (description = "Size of the windows that this one belongs to, in seconds."),
  `window_seconds` INT64 OPTIONS (description = "Length of this window in seconds: less than the size where the site day ends within it."),
  `revision` INT64 OPTIONS (description = "Distinct clips of the group and site day that start before the window's end; a higher one replaces all rows of the group, family and window."),
  `coverage` FLOAT64 OPTIONS (description = "Observed time over scheduled time, 0 to 1; 0 is no data."),
  `observed_ms` INT64 OPTIONS (description = "Scheduled milliseconds of the window that sound pictures stand for."),
  `scheduled_ms` INT64 OPTIONS (description = "Milliseconds of the window in which the site is watched."),
  `person_seconds` FLOAT64 OPTIONS (description = "Time that the strides took, in seconds; null for no data or suppressed."),
  `metres` FLOAT64 OPTIONS (description = "How long they are together, in metres; null for no data or suppressed."),
  `metres_per_second` FLOAT64 OPTIONS (description = "Mean speed, metres over person_seconds; null where nobody strode, for no data or suppressed."),
  `n` INT64 OPTIONS (description = "Passages: people who walked this way in the zone (in the total row: summed over the ways)."),
  `suppressed` BOOL OPTIONS (description = "True where the cell has fewer than the site's k behind it, or would give away one that has: the values are null, and n is 0."),
  `person_seconds_low` FLOAT64 OPTIONS (description = "Lower end of the 90% error interval of person_seconds, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed."),
  `person_seconds_high` FLOAT64 OPTIONS (description = "Upper end of the 90% error interval of person_seconds, by the audit of the camera or group, for the observed time; null where no audit tells it, for no data or suppressed.")
)
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/movement/*.avro"]
);

CREATE OR REPLACE EXTERNAL TABLE silhouette.camera_health_history (
  `schema_version` INT64 OPTIONS (description = "Version of this schema."),
  `pipeline_version` STRING OPTIONS (description = "Version of the software that wrote the record."),
  `model` STRING OPTIONS (description = "First 12 hexadecimal digits of the sha256 of the camera's detection model."),
  `site` STRING OPTIONS (description = "Name of the site."),
  `site_version` INT64 OPTIONS (description = "Number that the operator raises with every change that changes records."),
  `group` STRING OPTIONS (description = "Cameras that are counted as one; the camera's own name where it stands alone."),
  `camera` STRING OPTIONS (description = "Name of the camera."),
  `window_start` TIMESTAMP OPTIONS (description = "Start of the window, UTC, inclusive."),
  `window_end` TIMESTAMP OPTIONS (description = "End of the window, UTC, exclusive."),
  `window_size_seconds` INT64 OPTIONS (description = "Size of the windows that this one belongs to, in seconds."),
  `window_seconds` INT64 OPTIONS (description = "Length of this window in seconds: less than the size where the site day ends within it."),
  `revision` INT64 OPTIONS (description = "Distinct clips of the group and site day that start before the window's end; a higher one replaces all rows of the group, family and window."),
  `coverage` FLOAT64 OPTIONS (description = "Observed time over scheduled time, 0 to 1; 0 is no data."),
  `observed_ms` INT64 OPTIONS (description = "Scheduled milliseconds of the window that sound pictures stand for."),
  `scheduled_ms` INT64 OPTIONS (description = "Milliseconds of the window in which the site is watched."),
  `frozen_ms` INT64 OPTIONS (description = "Milliseconds of a picture that stood still."),
  `dark_ms` INT64 OPTIONS (description = "Milliseconds of a picture too dark to see people."),
  `blurred_ms` INT64 OPTIONS (description = "Milliseconds of a blurred picture."),
  `covered_ms` INT64 OPTIONS (description = "Milliseconds of a covered lens."),
  `moved_ms` INT64 OPTIONS (description = "Milliseconds of a camera that looks elsewhere than its reference."),
  `flawed_ms` INT64 OPTIONS (description = "Milliseconds of pictures with any of these flaws; none of them is coverage."),
  `clips` INT64 OPTIONS (description = "Distinct clips that start in the window."),
  `bad_clips` INT64 OPTIONS (description = "Of these, clips that could not be read."),
  `frames` INT64 OPTIONS (description = "Frames looked at."),
  `frames_left_out` INT64 OPTIONS (description = "Frames left out, since another clip covers the same instant."),
  `n` INT64 OPTIONS (description = "Frames looked at."),
  `suppressed` BOOL OPTIONS (description = "Always false: this family is published without a least number of people.")
)
OPTIONS (
  format = "AVRO",
  enable_logical_types = TRUE,
  uris = ["gs://BUCKET/OUTPUT/records/camera_health/*.avro"]
);
