import platform
import subprocess
import sys

import pytest
import torch

from hearsay.device import autocast, reproducible, resolve_device
from hearsay.errors import HearsayError


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")
    with pytest.raises(HearsayError, match="no GPU"):
        resolve_device("cuda")


def test_auto_is_the_gpu_where_there_is_one_and_cpu_stays_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda")
    assert resolve_device("cpu") == torch.device("cpu")


def test_other_names_are_refused() -> None:
    with pytest.raises(HearsayError, match="tpu"):
        resolve_device("tpu")


def test_reproducible_sets_threads_and_determinism_and_restores_both() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with reproducible(torch.device("cpu"), threads=1):
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
    with pytest.raises(HearsayError, match="threads"), reproducible(torch.device("cpu"), 0):
        pass


def test_the_cpu_computes_in_float32() -> None:
    with autocast(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_computes_in_bfloat16() -> None:
    with autocast(torch.device("cuda")):
        ones = torch.ones(2, 2, device="cuda")
        assert (ones @ ones).dtype == torch.bfloat16


FAULTS = """
import resource, sys
from contextlib import nullcontext
import torch
from hearsay.device import reproducible

with reproducible(torch.device("cpu"), 1) if sys.argv[1] == "kept" else nullcontext():
    for repeat in range(40):
        if repeat == 10:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        _ = [torch.ones(10_000_000) for _ in range(2)]  # more than glibc keeps
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")
def test_a_computation_takes_the_memory_that_it_freed_again() -> None:
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", FAULTS, way], stdout=-1, check=True).stdout)
        for way in ("kept", "given back")
    )
    assert 10 * kept < given_back
