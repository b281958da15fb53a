"""What a worker does with a claimed job: the lease, the pipeline, the synthesis."""
