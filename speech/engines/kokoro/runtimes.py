"""Runs the model in ONNX Runtime (the default; no torch) or PyTorch (hexgrad's KModel; on a GPU if there is one).

Loads it, and tests a loaded model before it serves any request.
"""

import importlib
import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

from django.conf import settings

from speech.engines.base import EngineUnavailable, TransientEngineError
from speech.engines.kokoro import files
from speech.engines.kokoro.deterministic_noise import network_to_load
from speech.engines.kokoro.network import FRAMES_OUTPUT, LENGTHS_INPUT, MELODY_INPUT, can_be_controlled, with_controls
from speech.engines.kokoro.phonemes import VOCABULARY

logger = logging.getLogger(__name__)

SEED: Final = 0  # for the noise that the model adds to breathy sounds: always the same
INPUTS: Final = {
    "style": 2,
    "speed": 1,
}  # name and number of axes; the phonemes are input_ids, or tokens in older exports


def model_has_controls() -> bool:
    """Returns whether the configured model has what SSML needs; where none is installed yet, the default one has."""
    if settings.KOKORO_RUNTIME != "onnx":
        return False
    path = files.model_dir() / files.ONNX_FILE
    return _can_be_controlled(path, files.model_state()) if path.is_file() else True


@lru_cache(maxsize=4)
def _can_be_controlled(network: Path, _state: tuple[int, ...]) -> bool:
    return can_be_controlled(network)


class Runtime(Protocol):
    """A loaded model."""

    device: str  # "cpu", "cuda"
    has_controls: bool  # whether `speak_controlled` works

    def speak(self, numbers: Sequence[int], style: Any, speed: float) -> Any:
        """Returns the samples of one run, float32 at 24 kHz, from at most 512 numbers and a style of shape (1, 256)."""
        ...

    def speak_controlled(
        self, numbers: Sequence[int], style: Any, speed: float, *, lengths: Any, melody: Any
    ) -> tuple[Any, Any]:
        """Returns the samples, and how many frames each number lasts. See `network` for the inputs."""
        ...


def load() -> Runtime:
    """Loads the configured model. Raises EngineUnavailable with the reason."""
    if reason := files.damaged_model():
        raise EngineUnavailable(f"Kokoro is not available: {reason}.")
    runtime = OnnxRuntime() if settings.KOKORO_RUNTIME == "onnx" else TorchRuntime()
    _prove(runtime)
    return runtime


def _prove(runtime: Runtime) -> None:
    """Rejects a model that produces no audio or invalid numbers, so that customers are not charged for it."""
    numpy: Any = importlib.import_module("numpy")
    style = numpy.zeros((1, 256), dtype=numpy.float32)
    try:
        samples = runtime.speak([0, *(VOCABULARY[symbol] for symbol in "həlˈO wˈɜɹld."), 0], style, 1.0)
    except Exception as error:
        logger.warning("the Kokoro model does not run", exc_info=True)
        raise EngineUnavailable("Kokoro is not available: the model does not run.") from error
    if samples.ndim != 1 or len(samples) < 2400 or not numpy.isfinite(samples).all():
        raise EngineUnavailable("Kokoro is not available: the model produces no audio.")


class OnnxRuntime:
    device = "cpu"

    def __init__(self) -> None:
        try:
            ort: Any = importlib.import_module("onnxruntime")
        except ImportError as error:
            raise EngineUnavailable(
                "Kokoro is not available: onnxruntime is not installed; it is in requirements.txt."
            ) from error
        options = ort.SessionOptions()
        options.intra_op_num_threads = settings.KOKORO_THREADS
        options.inter_op_num_threads = 1
        # Threads that spin while waiting save a millisecond and cost an eighth of the processor.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # errors
        ort.set_seed(SEED)
        path = files.model_dir() / files.ONNX_FILE
        try:
            network = network_to_load(path.parent)
            self.has_controls = can_be_controlled(network)
            loaded = with_controls(network) if self.has_controls else str(network)
            self._session = ort.InferenceSession(loaded, options, providers=["CPUExecutionProvider"])
            self._session._model_bytes = None  # it would keep a second copy of the network
        except Exception as error:  # onnxruntime has no base class for its errors
            logger.warning("%s cannot be loaded: %s", path.name, type(error).__name__)
            raise EngineUnavailable(
                f"Kokoro is not available: {path.name} is corrupted or not a model; {files.HOW_TO}."
            ) from error
        self._ids_name = self._checked_signature()

    def speak(self, numbers: Sequence[int], style: Any, speed: float) -> Any:
        numpy: Any = importlib.import_module("numpy")
        if not self.has_controls:
            return self._run(self._feed(numbers, style, speed), [self._samples_name])[0].reshape(-1)
        lengths = numpy.ones((1, len(numbers)), dtype=numpy.float32)
        melody = numpy.stack([lengths, 0 * lengths], axis=1)
        return self.speak_controlled(numbers, style, speed, lengths=lengths, melody=melody)[0]

    def speak_controlled(
        self, numbers: Sequence[int], style: Any, speed: float, *, lengths: Any, melody: Any
    ) -> tuple[Any, Any]:
        feed = self._feed(numbers, style, speed) | {LENGTHS_INPUT: lengths, MELODY_INPUT: melody}
        samples, frames = self._run(feed, [self._samples_name, FRAMES_OUTPUT])
        return samples.reshape(-1), frames.reshape(-1)

    def _feed(self, numbers: Sequence[int], style: Any, speed: float) -> dict[str, Any]:
        numpy: Any = importlib.import_module("numpy")
        return {
            self._ids_name: numpy.array([numbers], dtype=numpy.int64),
            "style": style,
            "speed": numpy.array([speed], dtype=self._speed_type),
        }

    def _run(self, feed: dict[str, Any], outputs: list[str]) -> list[Any]:
        numpy: Any = importlib.import_module("numpy")
        return [numpy.asarray(output, dtype=numpy.float32) for output in self._session.run(outputs, feed)]

    def _checked_signature(self) -> str:
        """Returns the name of the phonemes' input. Raises EngineUnavailable for another model."""
        found = {model_input.name: model_input for model_input in self._session.get_inputs()}
        ids_name = next((name for name in ("input_ids", "tokens") if name in found), "")
        inputs = {ids_name, *INPUTS, *((LENGTHS_INPUT, MELODY_INPUT) if self.has_controls else ())}
        is_kokoro = ids_name and set(found) == inputs
        if not is_kokoro or any(len(found[name].shape) != axes for name, axes in INPUTS.items()):
            raise EngineUnavailable("Kokoro is not available: model.onnx is a different model.")
        numpy: Any = importlib.import_module("numpy")
        self._samples_name = self._session.get_outputs()[0].name
        self._speed_type = numpy.int32 if "int" in found["speed"].type else numpy.float32
        return ids_name


class TorchRuntime:
    has_controls = False

    def __init__(self) -> None:
        try:
            torch: Any = importlib.import_module("torch")
            kokoro_model: Any = importlib.import_module("kokoro.model")
        except ImportError as error:
            raise EngineUnavailable(
                "Kokoro is not available: KOKORO_RUNTIME=torch needs requirements-kokoro-torch.txt."
            ) from error
        self._torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        if self.device == "cpu":
            torch.set_num_threads(settings.KOKORO_THREADS)
        config, checkpoint = files.model_dir() / files.CONFIG_FILE, files.model_dir() / files.CHECKPOINT_FILE
        try:
            self._model = kokoro_model.KModel(repo_id="local", config=str(config), model=str(checkpoint))
            check_keys(torch, self._model, checkpoint)
        except EngineUnavailable:
            raise
        except Exception as error:  # a damaged file fails in as many ways as there are layers
            logger.warning("%s cannot be loaded: %s", checkpoint.name, type(error).__name__)
            raise EngineUnavailable(
                f"Kokoro is not available: {checkpoint.name} is corrupted or not a model; {files.HOW_TO}."
            ) from error
        self._model = self._model.to(self.device).eval()

    def speak(self, numbers: Sequence[int], style: Any, speed: float) -> Any:
        torch = self._torch
        with torch.no_grad():
            torch.manual_seed(SEED)
            ids = torch.LongTensor([list(numbers)]).to(self.device)
            audio, _ = self._model.forward_with_tokens(ids, torch.from_numpy(style.copy()).to(self.device), speed)
        return audio.squeeze().cpu().numpy()

    def speak_controlled(
        self, numbers: Sequence[int], style: Any, speed: float, *, lengths: Any, melody: Any
    ) -> tuple[Any, Any]:
        raise NotImplementedError("KModel has no such inputs.")


def check_keys(torch: Any, model: Any, path: Any) -> None:
    """Raises EngineUnavailable for a checkpoint with other keys, which KModel would accept silently and speak noise."""
    stored = torch.load(path, map_location="cpu", weights_only=True)
    wanted: dict[str, set[str]] = {}
    for key, _ in model.named_parameters():  # without buffers, such as an STFT's window, which the code creates itself
        part, _, name = key.partition(".")
        wanted.setdefault(part, set()).add(name)
    for part, names in wanted.items():
        lacking = names - {name.removeprefix("module.") for name in stored.get(part, {})}
        if lacking:
            raise EngineUnavailable(
                f"Kokoro is not available: {path.name} is missing {len(lacking)} weights of {part}; {files.HOW_TO}."
            )


def sanitize(samples: Any) -> Any:
    """Returns the samples of a run. Raises TransientEngineError if they are not audio."""
    numpy: Any = importlib.import_module("numpy")
    if not len(samples) or not numpy.isfinite(samples).all() or float(numpy.abs(samples).max()) < 1e-4:
        raise TransientEngineError("The voice model produced no audio.")
    return samples
