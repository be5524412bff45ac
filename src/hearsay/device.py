"""Where tensors live, and how to compute there."""

import ctypes
import resource
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from hearsay.errors import HearsayError

# Of glibc's mallopt: above which size an array is a mapping of its own, and how much free memory
# at the end of the heap goes back to the system.
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
KEPT_BYTES = 2**30


def resolve_device(name: str) -> torch.device:
    """Turn `auto`, `cpu` or `cuda` into a device; `auto` is a GPU where there is one.

    Raises:
        HearsayError: another name, or `cuda` on a machine without a GPU.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise HearsayError(f"the device {name!r} must be auto, cpu or cuda")
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise HearsayError("the device is to be cuda, but torch sees no GPU; use auto or cpu")
    return torch.device("cuda" if has_gpu and name != "cpu" else "cpu")


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return bfloat16 autocast on a GPU, and nothing on a CPU, which computes in float32."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def send(x: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Bring a small tensor to a device; a GPU fetches it without this process waiting for it."""
    if device.type != "cuda" or x.device.type == "cuda":
        return x.to(device)
    return x.pin_memory().to(device, non_blocking=True)


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory for the next array; say whether it can (glibc).

    Each step of a training takes and frees the same large arrays. By default their pages go back to
    the system each time, which clears them again: a sixth of word_align's processor time on a CPU.
    It changes no number, holds for the rest of the process, and costs about 5 % more memory.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return False
    return all(mallopt(name, KEPT_BYTES) for name in (MMAP_THRESHOLD, TRIM_THRESHOLD))


@contextmanager
def reproducible(device: torch.device, threads: int | None = None) -> Iterator[None]:
    """Compute with deterministic algorithms on a CPU and with `threads` threads inside the block.

    The number of threads changes how sums are split, so equal bits need equal threads. A GPU
    keeps its fast algorithms. Numbers too small for all their digits are taken for 0 on a CPU,
    which would compute with them many times slower (pooling by a high norm makes them). On a CPU
    freed memory is kept, see `keep_freed_memory`.
    """
    if threads is not None and threads < 1:
        raise HearsayError(f"threads: {threads} must be at least 1")
    if device.type == "cpu":
        keep_freed_memory()
    before, before_threads = torch.get_deterministic_debug_mode(), torch.get_num_threads()
    try:
        # The same as use_deterministic_algorithms, which would import torch's compiler first.
        torch.set_deterministic_debug_mode("error" if device.type == "cpu" else "default")
        torch.set_flush_denormal(True)
        if threads is not None:
            torch.set_num_threads(threads)
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
        torch.set_flush_denormal(False)
        torch.set_num_threads(before_threads)


def seed_draws(seed: int, device: torch.device) -> None:
    """Seed the global generators of the CPU and of the device, from which dropout draws.

    As torch.manual_seed, which without a GPU takes up to a millisecond to note from where it was
    called, for a GPU that may come.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def describe_hardware(device: torch.device) -> dict[str, object]:
    """Return what `run.json` says of the machine: the GPU's name, or the number of CPU threads."""
    if device.type == "cuda":
        return {"gpu": torch.cuda.get_device_name(device), "threads": torch.get_num_threads()}
    return {"gpu": None, "threads": torch.get_num_threads()}


def peak_memory_mb(device: torch.device) -> float:
    """Return the most memory that this process has held: of its GPU, or of the machine."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # macOS counts bytes
