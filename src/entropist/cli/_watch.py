"""``entropist watch``: is it still the same model behind this name?"""

import datetime
import json as json_
import math
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from entropist.errors import FileError

CANARIES = (
    "The capital of Australia is",
    "Once upon a time, in a house at the edge of the",
    "def fibonacci(n):",
    "My favourite colour is",
    "In 1889 the engineer",
)
"""Prompts with few, with many and with doubtful continuations: what a change of weights or settings moves."""


def watch(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the server listens, such as http://localhost:8080.")],
    store: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the rounds are kept: JSON lines, added to.")
    ] = Path("watch.jsonl"),
    rounds: Annotated[int, typer.Option(min=0, metavar="N", help="Rounds to ask now; 0 only looks at the store.")] = 1,
    every: Annotated[float, typer.Option(min=0.0, metavar="SECONDS", help="Time between two rounds.")] = 60.0,
    false_alarms: Annotated[
        float, typer.Option(metavar="RATE", help="How often a model that stays may ever set off the alarm.")
    ] = 0.01,
    model: Annotated[str | None, typer.Option(help="The model's name, where the server has several.")] = None,
    kind: Annotated[str | None, typer.Option(help="openai-chat, openai-completions, llama.cpp or ollama.")] = None,
    prompt: Annotated[list[str] | None, typer.Option(help="A canary of your own; may be repeated.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Test whether the model behind a name has changed.

    Fixed prompts are asked round after round; the test may be looked at after each, with its false-alarm rate kept.
    """
    from entropist.files import refuse_unwritable
    from entropist.uncertainty import model_change

    model_change([], false_alarm_rate=false_alarms)  # a rate that is none is refused before anything is asked
    canaries = list(prompt or CANARIES)
    kept = _kept(store, canaries)
    if not rounds and not store.exists():
        raise FileError(f"there is no store {store} to look at: name another with --store, or ask a round first.")
    if rounds:
        from entropist.responses import connect

        refuse_unwritable(store)
        with connect(url, model=model, kind=kind) as connection:
            for number in range(rounds):
                if number:
                    time.sleep(every)
                kept.append([_first_token(connection, canary) for canary in canaries])
                _add(store, canaries, kept[-1])
    change = model_change(kept, false_alarm_rate=false_alarms)
    if json:
        values = {"rounds": len(kept), "alarm": change.alarm, "false_alarm_rate": false_alarms,
                  "log_e": change.log_e.tolist(), "distance": change.distance.tolist()}  # fmt: skip
        print(json_.dumps(values))
        return
    evidence = float(change.log_e[-1]) if kept else 0.0
    print(f"{len(kept)} rounds of {len(canaries)} canaries in {store}")
    print(f"evidence for a change: e^{evidence:.2f}; the alarm is at e^{-math.log(false_alarms):.2f}")
    if change.alarm is None:
        rate = f"{100 * false_alarms:g} %"
        print(f"no change seen (a model that stays the same sets off the alarm in {rate} of cases at most)")
    else:
        print(f"CHANGED: the alarm went off at round {change.alarm}, counted from 0")


def _first_token(connection: Any, canary: str) -> dict[str, float]:
    trace = connection.ask(canary, max_tokens=1, top=20, temperature=0.0, seed=0)
    ids, logprobs = trace.table["top_ids"][0].as_py() or [], trace.table["top_logprobs"][0].as_py() or []
    return {trace.pieces[token].decode("utf-8", "backslashreplace"): p for token, p in zip(ids, logprobs)}


def _kept(store: Path, canaries: list[str]) -> list[list[dict[str, float]]]:
    if not store.exists():
        return []
    try:
        lines = [json_.loads(line) for line in store.read_text(encoding="utf-8").splitlines()]
        other = next((line["canaries"] for line in lines if line["canaries"] != canaries), None)
        answers = [line["answers"] for line in lines]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{store} is no store of rounds ({error}): name another file with --store.") from error
    if other is not None:
        raise FileError(f"{store} holds rounds of other canaries, beginning {other[0][:40]!r}: name another --store.")
    return answers


def _add(store: Path, canaries: list[str], answers: list[dict[str, float]]) -> None:
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    line = json_.dumps({"time": when, "canaries": canaries, "answers": answers}, ensure_ascii=False)
    try:
        with store.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise FileError(f"cannot write {store}: {error.strerror}.") from error
    print(f"round kept in {store}", file=sys.stderr)
