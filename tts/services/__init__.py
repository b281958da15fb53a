"""Every change of state of a job: submitted, claimed, finished, cancelled, erased, swept."""
