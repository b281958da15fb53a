"""Python's garbage collector, and what a process has made before its first piece of work."""

import gc


def spare_start_up() -> None:
    """Takes everything that exists now out of the collector's rounds: to look through modules, models and URLs stops
    every thread for 100 to 400 ms (measured), each time, and frees nothing.
    """
    gc.collect()
    gc.freeze()
