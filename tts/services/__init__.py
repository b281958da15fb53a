"""Changes the state of jobs: submits, claims, finishes, cancels, erases and sweeps them."""
