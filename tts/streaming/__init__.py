"""Audio while it is made: the one-time stream of a job, from the relay to the client."""
