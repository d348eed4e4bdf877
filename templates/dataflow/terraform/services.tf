resource "google_project_service" "used" {
  for_each = toset([
    "artifactregistry.googleapis.com",
    "autoscaling.googleapis.com",
    "cloudkms.googleapis.com",
    "compute.googleapis.com",
    "dataflow.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "storage.googleapis.com",
  ])

  service            = each.value
  disable_on_destroy = false
}

resource "google_artifact_registry_repository" "images" {
  repository_id = var.image_repository
  location      = var.region
  format        = "DOCKER"
  description   = "Image of launcher and workers"
  kms_key_name  = var.state_key

  docker_config {
    immutable_tags = true
  }

  depends_on = [google_project_service.used, google_kms_crypto_key_iam_member.state]
}
