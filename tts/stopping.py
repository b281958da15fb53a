"""The event that is set when this worker process is told to stop. Long-running work checks it."""

import threading

worker_is_stopping = threading.Event()
