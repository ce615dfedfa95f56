"""``entropist score``: a corpus through a language model, with errors between documents."""

import json as json_lines
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from entropist.errors import InputError

if TYPE_CHECKING:
    from entropist.scoring import Score


def score(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PATH", help="A file, directory or glob of text, JSON lines, Parquet or Arrow; - is stdin."
        ),
    ] = "-",
    model: Annotated[
        str, typer.Option(help="builtin:base, builtin:bytes, a model directory, a .gguf file, or a hub id.")
    ] = "builtin:base",
    protocol: Annotated[
        str, typer.Option(help="sliding, disjoint, strided, half-window, whole; or several with commas, compared.")
    ] = "sliding",
    window: Annotated[int | None, typer.Option(metavar="N", help="Tokens of a window.")] = None,
    stride: Annotated[int | None, typer.Option(metavar="N", help="Tokens between windows, for strided.")] = None,
    bos: Annotated[bool | None, typer.Option("--bos/--no-bos", help="BOS in front, as the protocol puts it.")] = None,
    text_column: Annotated[str, typer.Option(metavar="NAME", help="Column of the text.")] = "text",
    id_column: Annotated[str, typer.Option(metavar="NAME", help="Column of the id.")] = "id",
    group_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column to group by.")] = None,
    kind: Annotated[
        Literal["text", "jsonl"] | None, typer.Option("--format", help="Of what has no telling name, such as stdin.")
    ] = None,
    on_error: Annotated[
        Literal["fail", "skip"], typer.Option(help="What to do with a document that is unreadable.")
    ] = "fail",
    save: Annotated[Path | None, typer.Option(metavar="DIR", help="Write Parquet and a manifest there.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish what was begun in --save DIR.")] = False,
    tokens: Annotated[bool, typer.Option("--tokens", help="Write one row a token as well, to --save DIR.")] = False,
    words: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write surprisal a word: .csv or .parquet.")
    ] = None,
    until_stderr: Annotated[
        float | None, typer.Option(metavar="E", help="Random documents until bits per byte has this error.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the order under --until-stderr.")] = 0,
    keep: Annotated[
        str | None,
        typer.Option(metavar="LOW-HIGH", help="Print ids of documents between these quantiles of bits per byte."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the totals as JSON.")] = False,
) -> None:
    """Bits per byte, perplexity and entropy of a corpus, with what was counted."""
    from entropist import scoring
    from entropist.corpus import Documents

    documents = Documents(
        source, text_column=text_column, id_column=id_column, group_column=group_column, on_error=on_error, kind=kind
    )
    if "," in protocol:
        _refuse_with_report(save, words, until_stderr, stride, keep)
        names = [name.strip() for name in protocol.split(",")]
        report = scoring.protocol_report(documents, model=model, protocols=names, window=window, bos=bos)
        _print_report(report, json)
        return
    quantiles = None if keep is None else _quantiles(keep)
    if words is not None:
        _refuse_unwritable_words(words, save)
    found = scoring.score(
        documents, model=model, protocol=protocol, window=window, stride=stride, bos=bos, save=save, resume=resume,
        tokens=tokens, words=words is not None, until_stderr=until_stderr, seed=seed,
    )  # fmt: skip
    if words is not None:
        _write_words(found, words)
    if quantiles is not None:
        for name in found.between(*quantiles):
            print(name)
    elif json:
        declared = {"model": found.model.name if found.model else None, "protocol": vars(found.protocol)}
        print(json_lines.dumps(declared | {"skipped": found.skipped} | found.totals(), indent=1))
    else:
        _print(found)
    for path in (save, words):
        if path is not None:
            print(f"wrote {path}", file=sys.stderr)


def _print(found: "Score") -> None:
    bytes_of, rows = found.bytes(), []
    for name, estimate in (
        ("bits per byte", found.bits_per_byte()),
        ("perplexity a token", found.perplexity()),
        ("mean surprisal", found.mean_surprisal(unit="bits")),
        ("mean entropy", found.mean_entropy(unit="bits")),
        ("surprisal − entropy", found.calibration(unit="bits")),
        ("most likely token right", found.top1_rate()),
        ("bits per byte, macro", found.bits_per_byte("macro")),
    ):
        interval = ""
        if estimate.stderr is not None:
            low, high = estimate.confidence_interval()
            interval = f"[{low:.4g}, {high:.4g}]"
        rows.append((name, f"{estimate.value:.5g} {estimate.unit}".rstrip(), interval))
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    for name, value, interval in rows:
        print(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {interval}".rstrip())
    first = found.bits_per_byte()
    print(f"\nerror      95 %, {first.estimator}" if first.stderr is not None else f"\nno error   {first.reason}")
    tokens = int(sum(found.documents["scored_tokens"].to_pylist()))
    print(f"counted    {found.scored_documents} of {found.documents.num_rows} documents, {tokens} tokens scored")
    print(
        f"bytes      {bytes_of['scored_']} scored + {bytes_of['context_']} context + {bytes_of['dropped_']} dropped "
        f"= {bytes_of['']} of input"
    )
    if found.skipped:
        print(
            f"skipped    {found.skipped}, the first: {found.skip_reasons[0] if found.skip_reasons else 'see the input'}"
        )
    if found.shards_reused:
        print(f"reused     {found.shards_reused} shards of an earlier run")
    altered = found.documents["lossless"].to_pylist().count(False)
    if altered:
        print(f"altered    the tokenizer normalises: {altered} documents are not what their tokens spell")
    assert found.model is not None
    assert found.protocol is not None
    cut = found.protocol
    led = "no BOS" if cut.bos_id is None else f"BOS {cut.bos_id}"
    print(
        f"model      {found.model.name} ({found.model.dtype}, {found.model.device}), weights {found.model.fingerprint}"
    )
    print(f"protocol   {cut.name}, window {cut.window}, stride {cut.stride}, {led}")
    groups = found.by_group() if any(found.documents["group"].to_pylist()) else {}
    for group, estimate in groups.items():
        print(f"group      {group}: {estimate}")


def _print_report(report: Any, json: bool) -> None:
    if json:
        lines = [
            {
                "protocol": line.name, "bits_per_byte": line.bits_per_byte.value, "perplexity": line.perplexity.value,
                "mean_context": line.mean_context, "scored_share": line.scored_share, "printed": line.printed,
            }
            for line in report.lines
        ]  # fmt: skip
        print(json_lines.dumps(lines, indent=1))
        return
    print(report)
    for line in report.lines:
        print(f"\n{line.card}")


def _refuse_with_report(*given: Any) -> None:
    if any(value is not None for value in given):
        raise InputError(
            "several protocols are compared by themselves: leave --save, --words, --keep and the like out."
        )


def _quantiles(given: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in given.split("-"))
    except ValueError:
        raise InputError(f"--keep takes two quantiles, such as 0.1-0.9; given {given!r}.") from None
    return low, high


def _refuse_unwritable_words(path: Path, save: Path | None) -> None:
    from entropist.files import refuse_unwritable

    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"words are written as .csv or .parquet; given {path.name}.")
    if save is not None:
        raise InputError("--words FILE and --save DIR do not go together: from Python, score(words=True, save=DIR).")
    refuse_unwritable(path)


def _write_words(found: "Score", path: Path) -> None:
    import pyarrow.csv
    import pyarrow.parquet

    from entropist.files import written_whole

    with written_whole(path) as beside:
        if path.suffix == ".csv":
            pyarrow.csv.write_csv(found.words, beside)
        else:
            pyarrow.parquet.write_table(found.words, beside)
