variable "project" {
  description = "Project of the job. Give it one of its own: whoever administers the project can read what it holds."
  type        = string

  validation {
    condition     = can(regex("^([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "Must be a project's id."
  }
}

variable "region" {
  description = "Region of the job, its workers, its buckets and the clips in Pub/Sub."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "Must be a region, as europe-west1."
  }
}

variable "name" {
  description = "What the resources are named by."
  type        = string
  default     = "silhouette"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{3,22}[a-z0-9]$", var.name))
    error_message = "Must be 5 to 24 of a-z, 0-9 and -."
  }
}

variable "agents" {
  description = "Who publishes clips: the edge agents' accounts, as serviceAccount:NAME@PROJECT.iam.gserviceaccount.com."
  type        = set(string)

  validation {
    condition     = alltrue([for agent in var.agents : can(regex("^(serviceAccount|principal|principalSet):", agent))])
    error_message = "Must be service accounts or federated principals; no user, no allUsers."
  }
}

variable "clip_retention_hours" {
  description = "How long Pub/Sub keeps a clip that was not acknowledged; no longer than raw_retention of any site file."
  type        = number
  default     = 24

  validation {
    condition     = var.clip_retention_hours >= 1 && var.clip_retention_hours <= 168
    error_message = "Must be from 1 to 168."
  }
}

variable "subnet_range" {
  description = "Addresses of the workers' network."
  type        = string
  default     = "10.77.0.0/24"

  validation {
    condition     = can(cidrhost(var.subnet_range, 0))
    error_message = "Must be a range, as 10.77.0.0/24."
  }
}

variable "state_key" {
  description = "Cloud KMS key that clips, records and the job's state are encrypted with; Google's own by default."
  type        = string
  default     = null

  validation {
    condition = var.state_key == null || can(
      regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.state_key)
    )
    error_message = "Must be projects/P/locations/L/keyRings/R/cryptoKeys/K."
  }
}

variable "sealing_key" {
  description = "Cloud KMS key that the keys of sealed clips are wrapped with; none where clips are not sealed."
  type        = string
  default     = null

  validation {
    condition = var.sealing_key == null || can(
      regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.sealing_key)
    )
    error_message = "Must be projects/P/locations/L/keyRings/R/cryptoKeys/K."
  }
}

variable "image_repository" {
  description = "Artifact Registry repository of the image, in this project and region."
  type        = string
  default     = "silhouette"
}
