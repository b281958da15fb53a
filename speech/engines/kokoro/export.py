"""Exports hexgrad's checkpoint to an ONNX network with PyTorch, and compares the two."""

import importlib
import warnings
from pathlib import Path
from typing import Any, Final

from speech.engines.base import EngineUnavailable
from speech.engines.kokoro.deterministic_noise import make_noise_deterministic
from speech.engines.kokoro.phonemes import VOCABULARY
from speech.engines.kokoro.runtimes import SEED, check_keys

OPSET: Final = 17
SENTENCE: Final = "ðə kwˈɪk bɹˈWn fˈɑks ʤˈʌmps ˌOvəɹ ðə lˈAzi dˈɔɡ."
# The noise differs, so the samples do not match; the loudness over time does, as closely as with two seeds of the
# checkpoint itself.
MOST_DEVIATION: Final = 1.5
ENVELOPE_SAMPLES: Final = 600  # 25 ms


def export_onnx(config: Path, checkpoint: Path, target: Path) -> float:
    """Writes `target` and returns how far its loudness over time deviates from the checkpoint's.

    The unit is the deviation of the checkpoint from itself with another seed: 1 is the best possible result. Raises
    EngineUnavailable if the checkpoint is damaged, or the export sounds different.
    """
    torch: Any = importlib.import_module("torch")
    kokoro_model: Any = importlib.import_module("kokoro.model")
    weight_norm: Any = importlib.import_module("torch.nn.utils")
    model = kokoro_model.KModel(repo_id="local", config=str(config), model=str(checkpoint), disable_complex=True).eval()
    check_keys(torch, model, checkpoint)
    for module in model.modules():
        try:
            weight_norm.remove_weight_norm(module)  # folded into the weights: fewer multiplications in every run
        except ValueError:
            continue  # this module has no weight norm
    network = kokoro_model.KModelForONNX(model).eval()
    ids = torch.LongTensor([[0, *(VOCABULARY[symbol] for symbol in SENTENCE), 0]])
    style, speed = torch.randn(1, 256, generator=torch.Generator().manual_seed(SEED)), torch.tensor([1.0])
    unfinished = target.with_suffix(".export")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer prints many warnings
        torch.onnx.export(
            network, (ids, style, speed), str(unfinished), dynamo=False, do_constant_folding=True, opset_version=OPSET,
            input_names=["input_ids", "style", "speed"], output_names=["waveform", "duration"],
            dynamic_axes={"input_ids": {0: "batch", 1: "length"}},
        )  # fmt: skip
    try:
        make_noise_deterministic(unfinished, unfinished)
        deviation = _deviation(torch, network, unfinished, ids, style, speed)
        if deviation > MOST_DEVIATION:
            raise EngineUnavailable(
                f"The export does not match the original: its deviation is {deviation:.1f} times the limit."
            )
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return deviation


def _deviation(torch: Any, network: Any, exported: Path, ids: Any, style: Any, speed: Any) -> float:
    ort: Any = importlib.import_module("onnxruntime")
    numpy: Any = importlib.import_module("numpy")

    def envelope(samples: Any) -> Any:
        whole = len(samples) - len(samples) % ENVELOPE_SAMPLES
        return numpy.sqrt((samples[:whole].reshape(-1, ENVELOPE_SAMPLES) ** 2).mean(axis=1))

    def by_checkpoint(seed: int) -> Any:
        with torch.no_grad():
            torch.manual_seed(seed)
            return envelope(network(ids, style, speed)[0].reshape(-1).numpy())

    wanted, other = by_checkpoint(SEED), by_checkpoint(SEED + 1)
    session = ort.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    feed = {"input_ids": ids.numpy(), "style": style.numpy(), "speed": speed.numpy()}
    found = envelope(session.run(None, feed)[0].reshape(-1))
    if len(found) != len(wanted):
        return float("inf")
    own = numpy.abs(other - wanted).mean() + 1e-3 * wanted.mean()
    return float(numpy.abs(found - wanted).mean() / own)
