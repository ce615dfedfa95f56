"""Shards scored by Ray Data: the driver reads and writes, workers with a model each do what lies between.

    driver   read → number → object store        ...        in order → write
    ray.data       tickets 0, 1, 2 … → map_batches over a pool of actors → one block a ticket, in order

A dataset of Ray Data needs its source to be known when it starts, and a stream of documents is not. So the dataset is
one of tickets, which a counter on the driver's machine issues as shards come in, and a worker fetches the shard of its
ticket. A ticket can be issued or scored again after a process died, with the same outcome; each is taken once.
At most four shards a worker are read and not yet written.
"""

import os
import pickle
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from traceback import format_exc
from typing import Any

import pyarrow as pa
import ray
import ray.data
from ray.data.block import BlockMetadata
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from entropist.errors import AuditError, EntropistError, InputError, ModelError, first_line
from entropist.logits import compile_kernels
from entropist.models import LanguageModel, load_model
from entropist.provenance import Identity
from entropist.scoring._ray_session import cores_for, session
from entropist.scoring._shards import Recipe, Shard, Tables, Work

_AHEAD = 4  # shards a worker: one in work, one beside it, two on their way
_TRIES = 3  # for a shard whose worker died, before it is taken for the cause


def by_ray(
    work: Iterator[Work],
    model: str | Path | LanguageModel,
    identity: Identity,
    recipe: Recipe,
    *,
    workers: int | None,
    address: str | None,
) -> Generator[tuple[Work, Tables], None, None]:
    """Each shard with what is made of it, in the order of `work`, which is read a few shards ahead.

    Ray starts with the first shard that is not kept. An error of reading is raised once what was read before it is
    done; what a worker raises is raised here.
    """
    waiting: deque[Work] = deque()
    failure: Exception | None = None
    ahead = 1
    with ExitStack() as stack:
        pool: _Pool | None = None
        more = True
        while more or waiting:
            while more and len(waiting) < ahead:
                try:
                    each = next(work, None)
                except Exception as error:
                    each, failure = None, error
                if each is None:
                    more = False
                    break
                if each.kept is None:
                    if pool is None:
                        stack.enter_context(session(address, workers))
                        pool = stack.enter_context(_Pool(model, identity, recipe, workers))
                        ahead = _AHEAD * pool.workers
                    pool.send(each.shard)
                waiting.append(each)
            if waiting:
                each = waiting.popleft()
                if each.kept is not None:
                    yield each, {}
                else:
                    assert pool is not None
                    yield each, pool.receive(each.shard)
        if pool is not None:
            pool.finish()
    if failure is not None:
        raise failure


class _Pool:
    """The dataset of tickets and its workers."""

    def __init__(
        self, model: str | Path | LanguageModel, identity: Identity, recipe: Recipe, workers: int | None
    ) -> None:
        self.workers, cores = cores_for(workers)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._counter = ray.remote(_Counter).options(num_cpus=0, scheduling_strategy=here).remote()
        self._model = _shipped(model)
        tickets = ray.data.read_datasource(_Tickets(self._counter), override_num_blocks=1, num_cpus=0)
        made = tickets.map_batches(
            _Worker,
            fn_constructor_args=(self._counter, self._model, identity, recipe, cores),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=self.workers, max_tasks_in_flight_per_actor=2),
            num_cpus=cores,
            num_gpus=1 if identity.device.startswith("cuda") else 0,
        )
        made.context.execution_options.preserve_order = True
        made.context.target_max_block_size = 1  # bytes: every ticket goes out by itself, as soon as it is issued
        made.context.enable_progress_bars = False
        made.context.print_on_execution_start = False
        self._dataset = made
        self._blocks: Iterator[pa.Table] | None = None
        self._sent: dict[int, tuple[int, Any]] = {}  # shard number: ticket, where the shard lies
        self._tickets = 0

    def __enter__(self) -> "_Pool":
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the workers, also where tickets are still out."""
        with suppress(ray.exceptions.RayError):
            ray.get(self._counter.close.remote())
        self._blocks = None  # Ray Data ends a run when its iterator goes
        self._dataset = None
        ray.kill(self._counter)

    def send(self, shard: Shard) -> None:
        """Put a shard in line."""
        place = ray.put(shard)
        self._sent[shard.number] = self._tickets, place
        ray.get(self._counter.add.remote(self._tickets, [place]))
        self._tickets += 1

    def receive(self, shard: Shard) -> Tables:
        """What was made of the shard that was sent first of those not yet received."""
        ticket, _ = self._sent.pop(shard.number)
        row = self._next()
        if row is None or row["ticket"] != ticket:
            raise AuditError(f"shard {shard.number} did not come back from the workers in its turn. Please report it.")
        self._counter.drop.remote(ticket)
        made = pickle.loads(row["made"])
        if isinstance(made, Exception):
            raise made
        tables: Tables = made
        return tables

    def finish(self) -> None:
        """Nothing more is sent; raise `AuditError` where something more comes back."""
        ray.get(self._counter.close.remote())
        if self._next() is not None:
            raise AuditError("a shard came back from the workers twice. Please report it.")

    def _next(self) -> dict[str, Any] | None:
        try:
            if self._blocks is None:  # not before the first ticket: Ray Data waits for the first block there
                self._blocks = _blocks(self._dataset)
            block = next(self._blocks, None)
        except ray.exceptions.RayError as error:
            raise ModelError(f"Ray lost the workers and could not replace them: {first_line(error)}") from error
        return None if block is None else block.to_pylist()[0]


def _blocks(dataset: Any) -> Iterator[pa.Table]:
    for bundle in dataset.iter_internal_ref_bundles():
        for entry in bundle.blocks:
            block = ray.get(entry.ref)
            for i in range(block.num_rows):
                yield block.slice(i, 1)


class _Counter:
    """Issues tickets and knows where their shards lie; an asynchronous actor, for many wait on it at once."""

    def __init__(self) -> None:
        import asyncio

        self._places: dict[int, Any] = {}
        self._tries: dict[int, int] = {}
        self._known = 0
        self._closed = False
        self._news = asyncio.Event()

    async def add(self, ticket: int, place: list[Any]) -> None:
        self._places[ticket] = place[0]
        self._known = ticket + 1
        self._news.set()

    async def close(self) -> None:
        self._closed = True
        self._news.set()

    async def issued(self, ticket: int) -> bool:
        """Wait until there is a ticket of this number; False where there will be none."""
        while ticket >= self._known and not self._closed:
            self._news.clear()
            await self._news.wait()
        return ticket < self._known

    async def place(self, ticket: int) -> tuple[int, list[Any]]:
        """How many times this shard has been asked for, and where it lies."""
        self._tries[ticket] = self._tries.get(ticket, 0) + 1
        return self._tries[ticket], [self._places[ticket]]

    async def drop(self, ticket: int) -> None:
        del self._places[ticket], self._tries[ticket]


class _Tickets(ray.data.Datasource):  # type: ignore[misc]
    """The tickets of a counter as a dataset; read again from the start, it gives the same."""

    def __init__(self, counter: Any) -> None:
        self._counter = counter

    def estimate_inmemory_data_size(self) -> int | None:
        """Not known before the end."""
        return None

    def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[Any]:
        """One task, which runs as long as the stream does."""
        counter = self._counter

        def read() -> Iterable[pa.Table]:
            ticket = 0
            while ray.get(counter.issued.remote(ticket)):
                yield pa.table({"ticket": [ticket]})
                ticket += 1

        return [ray.data.ReadTask(read, BlockMetadata(num_rows=None, size_bytes=8, exec_stats=None, input_files=None))]


class _Worker:
    """An actor: one model, one shard at a time. What it raises travels as a value, to be raised on the driver."""

    def __init__(self, counter: Any, model: Any, identity: Identity, recipe: Recipe, cores: int) -> None:
        self._counter, self._shipped, self._identity, self._recipe = counter, model, identity, recipe
        self._cores = cores

    @cached_property
    def _model(self) -> LanguageModel:
        with suppress(ImportError):
            import torch

            torch.set_num_threads(self._cores)
        compile_kernels()
        shipped = self._shipped
        model: LanguageModel = load_model(shipped) if isinstance(shipped, str) else ray.get(shipped[0])
        here = replace(model.identity, name=self._identity.name)
        if here != self._identity:
            raise ModelError(
                f"a worker found another {self._identity.name} than the driver: {here}, not {self._identity}. "
                "Put the same model and the same versions on every machine, or pass a model instead of its name."
            )
        return model

    def __call__(self, block: pa.Table) -> pa.Table:
        ticket = block["ticket"][0].as_py()
        try:
            tries, (place,) = ray.get(self._counter.place.remote(ticket))
            shard = ray.get(place)
            if tries > _TRIES:
                raise ModelError(
                    f"{_TRIES} workers in a row died of the shard that begins with {shard.documents[0].id!r}. Too "
                    "little memory for model and batch is the usual reason: ask for fewer workers or smaller batches."
                )
            made: Any = self._recipe.tables(self._model, shard)
        except Exception as error:
            made = _portable(error)
        return pa.table({"ticket": [ticket], "made": pa.array([pickle.dumps(made, 5)], pa.large_binary())})


def _shipped(model: str | Path | LanguageModel) -> Any:
    """How a model reaches the workers: its name, which each loads for itself, or the model itself in a list."""
    if isinstance(model, (str, Path)):
        path = Path(model).expanduser()
        return str(path.resolve()) if path.exists() else str(model)
    try:
        return [ray.put(model)]
    except Exception as error:  # pickling runs code of the model's own libraries
        raise InputError(
            f"{model.identity.name} cannot be sent to other processes ({first_line(error)}): give its name or file, "
            "which every worker loads for itself."
        ) from error


def _portable(error: Exception) -> Exception:
    """The error, or one with its message where it does not survive being sent."""
    error.add_note(f"on a worker, process {os.getpid()}: {format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return EntropistError(str(error)) if isinstance(error, EntropistError) else RuntimeError(repr(error))
    return error
