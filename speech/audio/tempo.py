"""Makes speech faster or slower at the same pitch, with ffmpeg's `atempo` filter.

Stretches raw samples as a stream. Sample rates and codecs are handled elsewhere.
"""

import math
from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction

from av import AudioFrame
from av.filter import Graph

# One filter blends overlapping windows between half and double tempo; beyond double it drops samples instead (ffmpeg's
# documentation of atempo), and below half it raises an error. Larger changes therefore take a chain.
_MAX_FACTOR_PER_FILTER = 2.0

_BYTES_PER_SAMPLE = 2
_MAX_FRAME_SAMPLES = 8192  # bounds memory use, regardless of the size of the caller's chunks


def stretch(pcm_chunks: Iterable[bytes], *, rate_hertz: int, tempo: float) -> Generator[bytes, None, None]:
    """Yields the same speech in 1/tempo of the time.

    Input and output are mono, signed 16-bit little-endian at `rate_hertz`. Input chunks may be cut anywhere, output
    chunks hold whole samples. Buffers well under a second of audio. A tempo of exactly 1 passes the chunks through
    unchanged. Any other may lose the last 20 ms or so, and any audio shorter than the filter's window of 46 ms, which
    no word is (measured at 22,050 Hz). Raises ValueError, at the first `next()`, for a tempo that is not a positive
    number.
    """
    if not (tempo > 0 and math.isfinite(tempo)):
        raise ValueError(f"tempo must be a positive number, not {tempo}")
    if tempo == 1:
        yield from pcm_chunks
        return
    graph = _build_graph(rate_hertz, tempo)
    position_samples = 0
    for samples in _whole_samples(pcm_chunks):
        frame = AudioFrame(format="s16", layout="mono", samples=len(samples) // _BYTES_PER_SAMPLE)
        frame.planes[0].update(samples)
        frame.sample_rate = rate_hertz
        frame.time_base = Fraction(1, rate_hertz)
        frame.pts = position_samples
        position_samples += frame.samples
        graph.push(frame)
        yield from _drain(graph)
    if position_samples:
        graph.push(None)
        yield from _drain(graph)


def _build_graph(rate_hertz: int, tempo: float) -> Graph:
    filters = max(1, math.ceil(abs(math.log2(tempo)) / math.log2(_MAX_FACTOR_PER_FILTER)))
    factor = tempo ** (1 / filters)
    graph = Graph()
    nodes = [
        graph.add_abuffer(sample_rate=rate_hertz, format="s16", layout="mono", time_base=Fraction(1, rate_hertz)),
        *(graph.add("atempo", f"{factor:.9f}") for _ in range(filters)),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    return graph


def _whole_samples(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the same bytes in chunks of whole samples, one frame at most. Half a sample at the end is dropped."""
    rest = b""
    for chunk in chunks:
        data = rest + chunk if rest else chunk
        whole_bytes = len(data) - len(data) % _BYTES_PER_SAMPLE
        step_bytes = _MAX_FRAME_SAMPLES * _BYTES_PER_SAMPLE
        for start in range(0, whole_bytes, step_bytes):
            yield data[start : min(start + step_bytes, whole_bytes)]
        rest = data[whole_bytes:]


def _drain(graph: Graph) -> Iterator[bytes]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):  # needs more input; has no more output
            return
        assert isinstance(frame, AudioFrame)
        if frame.samples:
            yield bytes(frame.planes[0])[: frame.samples * _BYTES_PER_SAMPLE]
