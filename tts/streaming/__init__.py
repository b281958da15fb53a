"""Streams audio while it is generated: the one-time stream of a job, from the relay to the client."""
