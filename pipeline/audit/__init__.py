"""`silhouette audit`: a person counts in redacted clips what the job counted, in a page on this machine."""
