"""Keeping encoded audio in a local file: complete, or not there at all.

Owns the file's life, and the place of its true header. Does not encode (`speech.audio.encoder`) and
knows nothing of the audio store that the file goes to afterwards.
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
    """The audio does not fit its format. `message` is a sentence for the API caller."""

    def __init__(self) -> None:
        self.message = "The audio exceeds the 4 GiB limit of WAV files. Use mp3 or ogg_opus, or shorten the text."
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class EncodedFile:
    """A finished file: how long it plays, and its size."""

    duration_ms: int
    size_bytes: int


class AudioFile:
    """The file at `path` that collects what an Encoder returns, replacing what was there.

    With `is_followed` others read it while it grows: what was written is there to be read. As a context manager it
    aborts on the way out unless finished.
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
        """Append encoded bytes, in order. Raises AudioTooLong, and removes the file, as soon as a WAV
        would pass what its header can say."""
        if self._encoding.output_format == "wav" and self._size_bytes + len(encoded) > wav.WAV_FILE_BYTES_MAX:
            self.abort()
            raise AudioTooLong
        self._file.write(encoded)
        self._size_bytes += len(encoded)

    def finish(self, header: bytes) -> int:
        """Put the true header over the first bytes, close the file, and return its size in bytes.

        `header`: `Encoder.header`, as long as what stands there. Nothing behind it moves, so that who has read some of
        the file goes on at the same byte.

        It is not forced to the disk: that is the store's affair, which copies it. What a power cut takes from the spool
        is spoken again.
        """
        if header:
            self._file.seek(0)
            self._file.write(header)
        self._file.flush()  # a full disk is told here, while the file can still be aborted
        self._file.close()
        return self._size_bytes

    def abort(self) -> None:
        """Remove the file. Harmless after `finish`, which keeps it."""
        if not self._file.closed:
            with contextlib.suppress(OSError):  # closing writes what is buffered, and the disk may be full
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
    """Encode s16le mono PCM, taken from `chunks` as they come, into a new file at `path`.

    Raises AudioTooLong, ValueError when the PCM ends inside a sample, and whatever `chunks` raises. No file
    is left behind then.
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
