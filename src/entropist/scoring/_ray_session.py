"""A quiet Ray: joined where one runs, else started here and stopped afterwards; and how its cores are shared out."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import ray
import ray._private.worker as ray_worker

from entropist.errors import InputError, ServerError, first_line

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # else it complains of how Ray Data makes its actors
}


@contextmanager
def session(address: str | None, workers: int | None) -> Iterator[None]:
    """Ray, connected. One that this process has joined already is used, and left as it is.

    address: of a cluster ("auto": one that runs on this machine), None for a Ray of our own with a core a worker at
    least. Raises `ServerError` where there is none at the address.
    """
    if address is not None and address.startswith("ray://"):
        raise InputError(
            f"{address} is Ray Client, which cannot hand out a stream: start on a machine of the cluster and give "
            "its address as host:port, or auto."
        )
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        if not ray.is_initialized():
            _start(address, workers)
            stack.callback(ray.shutdown)
        elif address not in (None, "auto", ray.get_runtime_context().gcs_address):
            raise InputError(
                f"this process is already part of the Ray at {ray.get_runtime_context().gcs_address}, not {address}."
            )
        yield


def _start(address: str | None, workers: int | None) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if address is None:
        options |= {"num_cpus": max(workers or 1, os.cpu_count() or 1), "include_dashboard": False}
    try:
        with _no_standard_error():
            ray.init("local" if address is None else address, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ServerError(f"no Ray could be reached at {address or 'this machine'}: {first_line(error)}.") from error


def cores_for(workers: int | None) -> tuple[int, int]:
    """(workers, cores of each): by default a worker a machine; as many cores each as let all of them fit.

    Raises `InputError` where there are fewer cores than workers.
    """
    machines = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    wanted = workers or max(1, sum(cores > 0 for cores in machines))
    for cores in range(max(machines, default=0), 0, -1):
        if sum(each // cores for each in machines) >= wanted:
            return wanted, cores
    raise InputError(f"Ray has {sum(machines)} cores here, too few for {wanted} workers: ask for fewer.")


@contextmanager
def _no_standard_error() -> Iterator[None]:
    """Ray's compiled part tells of its log level on the descriptor itself, before any level holds."""
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


@contextmanager
def _quiet() -> Iterator[None]:
    """Ray says nothing on the terminal, warns of nothing, and sends no statistics; its files keep everything."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    consoles = [handler for handler in logging.getLogger("ray.data").handlers if handler.name == "console"]
    levels = [handler.level for handler in consoles]
    told = ray_worker._worker_logs_enabled
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"ray(\.|$)")
        os.environ.update({name: os.environ.get(name, value) for name, value in _ENVIRONMENT.items()})
        for handler in consoles:
            handler.setLevel(logging.CRITICAL)
        ray_worker._worker_logs_enabled = False
        try:
            yield
        finally:
            ray_worker._worker_logs_enabled = told
            for handler, level in zip(consoles, levels):
                handler.setLevel(level)
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
