"""The signed-in pages over jobs, credits and keys: overview, playground, jobs, one job, keys."""
