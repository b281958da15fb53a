"""Writes encoded audio to a local file, which is either complete or removed.

Encoding is in `speech.audio.encoder`; the audio store, which the file goes to afterwards, is not this module's concern.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from speech.audio import wav
from speech.audio.encoder import Encoder
from speech.audio.formats import Encoding


class AudioTooLong(ValueError):
    """The audio exceeds what its format can hold. `message` is a sentence for the API caller."""

    def __init__(self) -> None:
        self.message = "The audio exceeds the 4 GiB limit of WAV files. Use mp3 or ogg_opus, or shorten the text."
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class EncodedFile:
    """The duration and size of a finished file."""

    duration_ms: int
    size_bytes: int


class AudioFile:
    """Writes an Encoder's output to the file at `path`, replacing an existing one.

    With `is_followed`, writes are unbuffered so that others can read the file while it grows. As a context manager, it
    aborts on exit unless finished.
    """

    def __init__(self, path: Path, encoding: Encoding, *, is_followed: bool = False) -> None:
        self._path = path
        self._encoding = encoding
        self._file: BinaryIO = path.open("wb", buffering=0 if is_followed else -1)
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def write(self, encoded: bytes) -> None:
        """Appends encoded bytes, in order.

        Raises AudioTooLong, and removes the file, as soon as a WAV would exceed the size that its header can hold.
        """
        if self._encoding.output_format == "wav" and self._size_bytes + len(encoded) > wav.WAV_FILE_BYTES_MAX:
            self.abort()
            raise AudioTooLong
        self._file.write(encoded)
        self._size_bytes += len(encoded)

    def finish(self, header: bytes) -> int:
        """Writes the final header over the first bytes, closes the file, and returns its size in bytes.

        `header` is `Encoder.header`, which has the same size as the first one. Nothing after it moves, so a client that
        has read a part can continue at the same byte.

        There is no fsync: the audio store copies the file, and audio that a power failure removes from the spool is
        generated again.
        """
        if header:
            self._file.seek(0)
            self._file.write(header)
        self._file.flush()  # reports a full disk here, while the file can still be aborted
        self._file.close()
        return self._size_bytes

    def abort(self) -> None:
        """Removes the file. Has no effect after `finish`."""
        if not self._file.closed:
            with contextlib.suppress(OSError):  # closing flushes the buffer, and the disk may be full
                self._file.close()
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.abort()


def encode_file(chunks: Iterable[bytes], path: Path, encoding: Encoding, *, input_rate_hertz: int) -> EncodedFile:
    """Encodes s16le mono PCM from `chunks`, as it arrives, into a new file at `path`.

    Raises AudioTooLong, ValueError if the PCM ends inside a sample, and any exception of `chunks`. The file is then
    removed.
    """
    with (
        AudioFile(path, encoding) as file,
        Encoder(encoding, input_rate_hertz=input_rate_hertz, streaming=False) as encoder,
    ):
        for pcm in chunks:
            file.write(encoder.feed(pcm))
        file.write(encoder.close())
        return EncodedFile(
            duration_ms=round(1000 * encoder.decoded_seconds),
            size_bytes=file.finish(encoder.header),
        )
