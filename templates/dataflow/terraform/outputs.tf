output "topic" {
  description = "What edge agents publish to: `silhouette edge --topic`."
  value       = google_pubsub_topic.clips.id
}

output "heartbeats" {
  description = "Where edge agents say how they are: `silhouette edge --heartbeats`."
  value       = google_pubsub_topic.heartbeats.id
}

output "input" {
  description = "`--input`"
  value       = google_pubsub_subscription.clips.id
}

output "dead_letter_topic" {
  description = "`--dead-letter-topic`"
  value       = google_pubsub_topic.dead_letters.id
}

output "output" {
  description = "`--output`"
  value       = "gs://${google_storage_bucket.records.name}/silhouette"
}

output "work" {
  description = "Bucket for `--temp-location`, site files and the template."
  value       = "gs://${google_storage_bucket.work.name}"
}

output "service_account_email" {
  description = "`--service-account-email`"
  value       = google_service_account.workers.email
}

output "subnetwork" {
  description = "`--subnetwork`"
  value       = "regions/${var.region}/subnetworks/${google_compute_subnetwork.workers.name}"
}

output "images" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}
