# Workers open sealed clips with data keys that this key wrapped; they wrap none.
resource "google_kms_crypto_key_iam_member" "sealing" {
  count = var.sealing_key == null ? 0 : 1

  crypto_key_id = var.sealing_key
  role          = "roles/cloudkms.cryptoKeyDecrypter"
  member        = local.workers
}

data "google_project" "this" {
  project_id = var.project
}

# Google's own agents, which encrypt what lies at rest. They must exist: see the README.
resource "google_kms_crypto_key_iam_member" "state" {
  for_each = var.state_key == null ? toset([]) : toset([
    "compute-system",
    "dataflow-service-producer-prod",
    "gcp-sa-artifactregistry",
    "gcp-sa-pubsub",
    "gs-project-accounts",
  ])

  crypto_key_id = var.state_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:service-${data.google_project.this.number}@${each.value}.iam.gserviceaccount.com"
}
