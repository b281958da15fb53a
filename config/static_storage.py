"""Static files for whitenoise, with modes that let a proxy read the compressed files."""

import os
from typing import Any

from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage


class _SameModeCompressor(Compressor):  # type: ignore[misc]  # whitenoise has no types
    def write_data(self, path: str, data: bytes, suffix: str, stat_result: os.stat_result) -> str:
        name: str = super().write_data(path, data, suffix, stat_result)
        os.chmod(name, stat_result.st_mode & 0o777)  # noqa: PTH101 - whitenoise's paths are strings
        return name


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Gives a compressed file the mode of the original. With the umask alone, a proxy could not read it."""

    def create_compressor(self, **options: Any) -> Compressor:
        return _SameModeCompressor(**options)
