# Who the workers are, and the launcher of the template. Nothing here holds a basic role (owner, editor, viewer).
resource "google_service_account" "workers" {
  account_id   = var.name
  display_name = "Workers of the Dataflow job"

  depends_on = [google_project_service.used]
}

locals {
  workers = google_service_account.workers.member
}

# With dataflow.viewer the launcher finds the job that it is to update.
resource "google_project_iam_member" "workers" {
  for_each = toset(["roles/dataflow.worker", "roles/dataflow.viewer", "roles/monitoring.metricWriter"])

  project = var.project
  role    = each.value
  member  = local.workers
}

resource "google_pubsub_subscription_iam_member" "workers" {
  for_each = toset(["roles/pubsub.subscriber", "roles/pubsub.viewer"])

  subscription = google_pubsub_subscription.clips.id
  role         = each.value
  member       = local.workers
}

# The event time of a clip is one of its attributes. To know how far the backlog's event times have come, Dataflow makes a
# second subscription of the topic, reads it and deletes it again. Its name is not known before, so this much has to be
# granted for the project: no other subscription should be in it.
resource "google_project_iam_custom_role" "watermark" {
  role_id     = "${replace(var.name, "-", "_")}_watermark"
  title       = "Dataflow watermark of a Pub/Sub topic"
  description = "Make, read and delete the subscription by which Dataflow tracks event times"
  permissions = [
    "pubsub.subscriptions.consume",
    "pubsub.subscriptions.create",
    "pubsub.subscriptions.delete",
    "pubsub.subscriptions.get",
  ]
}

resource "google_project_iam_member" "watermark" {
  project = var.project
  role    = google_project_iam_custom_role.watermark.id
  member  = local.workers
}

# Of a topic, this is the right to attach a subscription.
resource "google_pubsub_topic_iam_member" "watermark" {
  topic  = google_pubsub_topic.clips.id
  role   = "roles/pubsub.subscriber"
  member = local.workers
}

resource "google_pubsub_topic_iam_member" "dead_letters" {
  topic  = google_pubsub_topic.dead_letters.id
  role   = "roles/pubsub.publisher"
  member = local.workers
}

resource "google_pubsub_topic_iam_member" "agents" {
  for_each = var.agents

  topic  = google_pubsub_topic.clips.id
  role   = "roles/pubsub.publisher"
  member = each.value
}

resource "google_pubsub_topic_iam_member" "heartbeats" {
  for_each = var.agents

  topic  = google_pubsub_topic.heartbeats.id
  role   = "roles/pubsub.publisher"
  member = each.value
}

# A file that is written again overwrites itself, which takes more than creating.
resource "google_storage_bucket_iam_member" "workers" {
  for_each = {
    for pair in setproduct(
      [google_storage_bucket.records.name, google_storage_bucket.work.name],
      ["roles/storage.objectUser", "roles/storage.legacyBucketReader"],
    ) : "${pair[0]} ${pair[1]}" => { bucket = pair[0], role = pair[1] }
  }

  bucket = each.value.bucket
  role   = each.value.role
  member = local.workers
}

resource "google_artifact_registry_repository_iam_member" "workers" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = local.workers
}
