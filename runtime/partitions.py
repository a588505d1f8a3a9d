"""Batch work on long histories, part by part: processes on this machine, or Dask workers where a scheduler is named."""

import copyreg
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from types import MappingProxyType
from typing import Any, TypeVar

from devices.errors import BadInput, DependencyFailed

CONNECT_S = 5
Part = TypeVar("Part")
Result = TypeVar("Result")


def read_only(values: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(values)


# A calendar holds its opening hours read-only, which pickle does not know how to carry.
copyreg.pickle(MappingProxyType, lambda proxy: (read_only, (dict(proxy),)))


def map_partitions(function: Callable[[Part], Result], parts: Sequence[Part], scheduler: str = "") -> list[Result]:
    """`function` of each part, in the order of the parts, whoever works them out; it and they must be picklable.

    Without `scheduler` (`tcp://host:port`) on this machine: a single part here, several in as many processes as there are cores.
    Raises BadInput where Dask is not installed, DependencyFailed where no scheduler answers, and what `function` raises.
    """
    if scheduler:
        return _on_dask(function, parts, scheduler)
    workers = min(len(os.sched_getaffinity(0)), len(parts))
    if workers < 2:
        return [function(part) for part in parts]
    # Spawned, not forked: the reading stores' libraries run threads of their own, which a fork would leave in mid-step.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(function, parts))


def _on_dask(function: Callable[[Part], Result], parts: Sequence[Part], scheduler: str) -> list[Result]:
    distributed = _distributed()
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise DependencyFailed(
            f"no Dask scheduler answers at {scheduler} ({error}); start one with `dask scheduler`, and workers beside it",
            transient=True,
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise DependencyFailed(
                f"the scheduler at {scheduler} has no workers; start some with `dask worker {scheduler}`", transient=True
            )
        held = [client.scatter(part, hash=False) for part in parts]
        found: list[Result] = client.gather(client.map(function, held, pure=False))
        return found


def _distributed() -> Any:  # noqa: ANN401 - a module that may be absent
    try:
        return import_module("distributed")
    except ImportError:
        raise BadInput(
            "Dask is not installed; pip install caretaker[scale], or leave the scheduler out", place="--scheduler"
        ) from None
