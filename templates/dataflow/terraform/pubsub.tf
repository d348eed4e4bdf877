resource "google_pubsub_topic" "clips" {
  name         = "${var.name}-clips"
  kms_key_name = var.state_key

  # Clips lie in this region and no other, wherever an agent publishes from. The topic itself keeps none. Not enforced in
  # transit: Pub/Sub takes in near each agent what it sends, and would refuse what it took in elsewhere.
  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.used, google_kms_crypto_key_iam_member.state]
}

# No dead_letter_policy: it would keep whole clips, and on Dataflow it takes those that are still worked on. The job sets
# bad clips aside by itself, without their payload, and acknowledges them. No retry_policy and no exactly-once delivery
# either: Dataflow does not heed the one, is slowed by the other, and the job drops duplicates by itself.
resource "google_pubsub_subscription" "clips" {
  name                       = "${var.name}-clips"
  topic                      = google_pubsub_topic.clips.id
  ack_deadline_seconds       = 600
  message_retention_duration = "${var.clip_retention_hours * 3600}s"
  retain_acked_messages      = false

  expiration_policy {
    ttl = ""
  }
}

# What was set aside: reasons, times and places, no payload.
resource "google_pubsub_topic" "dead_letters" {
  name         = "${var.name}-dead-letters"
  kms_key_name = var.state_key

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.used, google_kms_crypto_key_iam_member.state]
}

resource "google_pubsub_subscription" "dead_letters" {
  name                       = "${var.name}-dead-letters"
  topic                      = google_pubsub_topic.dead_letters.id
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }
}

# What the edge agents say of themselves, as attributes of messages without payload. Attach what alerts.
resource "google_pubsub_topic" "heartbeats" {
  name         = "${var.name}-heartbeats"
  kms_key_name = var.state_key

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.used, google_kms_crypto_key_iam_member.state]
}
