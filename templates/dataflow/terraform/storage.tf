resource "google_storage_bucket" "records" {
  name                        = "${var.project}-${var.name}-records"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  dynamic "encryption" {
    for_each = var.state_key == null ? [] : [var.state_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.used, google_kms_crypto_key_iam_member.state]
}

# The service's own files: the graph, and the template with its launches. A worker reads the graph when it starts, months
# after the job did, so that nothing under staging/ expires.
resource "google_storage_bucket" "work" {
  name                        = "${var.project}-${var.name}-work"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    condition {
      age            = 30
      matches_prefix = ["temp/"]
    }
    action {
      type = "Delete"
    }
  }

  dynamic "encryption" {
    for_each = var.state_key == null ? [] : [var.state_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.used, google_kms_crypto_key_iam_member.state]
}
