"""Evidence: packs beside the records, what keeps clips besides the job, and the chain of seals over both."""
