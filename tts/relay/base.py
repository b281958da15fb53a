"""What a worker hands its bytes to."""


class Writer:
    """For bytes that need no relay beside the file: does nothing. Another kind overrides both."""

    def write(self, encoded: bytes) -> None:
        """Never raises and never waits long: a relay that is away is no reason to stop speaking."""

    def end(self) -> None:
        """The job's row says what became of it: readers look there now."""
