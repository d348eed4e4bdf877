# Workers have no public addresses, and there is no NAT: they reach Google's own interfaces and nothing else.
resource "google_compute_network" "workers" {
  name                    = var.name
  auto_create_subnetworks = false

  depends_on = [google_project_service.used]
}

resource "google_compute_subnetwork" "workers" {
  name                     = var.name
  network                  = google_compute_network.workers.id
  region                   = var.region
  ip_cidr_range            = var.subnet_range
  private_ip_google_access = true
}

# The ports by which Dataflow's workers speak with each other.
resource "google_compute_firewall" "workers" {
  name                    = "${var.name}-workers"
  network                 = google_compute_network.workers.id
  direction               = "INGRESS"
  source_service_accounts = [google_service_account.workers.email]
  target_service_accounts = [google_service_account.workers.email]

  allow {
    protocol = "tcp"
    ports    = ["12345-12346"]
  }
}
