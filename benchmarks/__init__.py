"""What the job costs, measured against what a user would have without it."""
