"""``entropist score``: a corpus through a language model, with errors between documents."""

import json as json_lines
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from entropist.errors import InputError

if TYPE_CHECKING:
    from entropist.corpus import Documents
    from entropist.scoring import Score


def score(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="PATH",
            help="A file, directory or glob of text, JSON lines, Parquet or Arrow; without, or as -, standard input.",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="builtin:base (or tuned, student, bytes), a model directory, a .gguf file, or a hub id.")
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
        Path | None, typer.Option(metavar="FILE", help="Write surprisal a word, in nats: .csv or .parquet.")
    ] = None,
    until_stderr: Annotated[
        float | None, typer.Option(metavar="E", help="Random documents until bits per byte has this error.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the order under --until-stderr.")] = 0,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="LOW-HIGH",
            help="Print only the ids of the documents between these quantiles of bits per byte, such as 0.05-0.95.",
        ),
    ] = None,
    drop: Annotated[
        str | None,
        typer.Option(
            metavar="LOW-HIGH", help="Print only the ids of all other documents, also of those without a score."
        ),
    ] = None,
    filtered: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write what --keep or --drop leaves there as JSON lines, and print the totals."
        ),
    ] = None,
    spans: Annotated[
        int, typer.Option(metavar="N", min=0, max=20, help="Print the N most and least surprising stretches of text.")
    ] = 0,
    engine: Annotated[
        Literal["in-process", "ray"], typer.Option(help="Score in this process, or by workers of Ray Data.")
    ] = "in-process",
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Processes with a model each, for ray; one a machine by default.")
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(metavar="A", help="A cluster for ray: host:port or auto; else Ray is started here.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the totals as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page, one file without network.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the picture of the distributions.")] = None,
) -> None:
    """Measure a corpus: bits per byte, perplexity.

    And entropy, calibration and ranks, with errors between documents and every byte accounted for.
    """
    from entropist import report, scoring
    from entropist.corpus import Documents
    from entropist.files import refuse_unwritable, write_text

    if source is None and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError("nothing to score: give a file, a directory or a glob, or pipe a text in.")
    source = "-" if source is None else source
    documents = Documents(
        source, text_column=text_column, id_column=id_column, group_column=group_column, on_error=on_error, kind=kind
    )
    if "," in protocol:
        _refuse_with_report(
            save, words, until_stderr, stride, keep, drop, filtered, html, svg, spans or None, workers, ray_address,
            resume or None, tokens or None, engine if engine == "ray" else None,
        )  # fmt: skip
        names = [name.strip() for name in protocol.split(",")]
        compared = scoring.protocol_report(documents, model=model, protocols=names, window=window, bos=bos)
        _print_report(compared, json)
        if documents.skipped:
            first = " ".join(documents.reasons[0].split())
            print(f"documents not read, skipped: {documents.skipped}, the first: {first}", file=sys.stderr)
        return
    chosen = _chosen(keep, drop)
    if filtered is not None:
        _refuse_unfiltered(filtered, documents, chosen is not None, until_stderr)
    if words is not None and words.suffix not in (".csv", ".parquet"):
        raise InputError(f"words are written as .csv or .parquet; given {words.name}.")
    for path in (words, html, svg, filtered):
        if path is not None:
            refuse_unwritable(path)
    found = scoring.score(
        documents, model=model, protocol=protocol, window=window, stride=stride, bos=bos, save=save, resume=resume,
        tokens=tokens, words=words is not None, until_stderr=until_stderr, seed=seed,
        engine=engine, workers=workers, ray_address=ray_address,
    )  # fmt: skip
    if words is not None:
        _write_words(found, words)
    name = "standard input" if source == "-" else Path(source).name
    if html is not None:
        report.write_score_html(found, html, name=name)
    if svg is not None:
        write_text(svg, report.score_svg(found, name=name))
    wrote = [str(path) for path in (save, words, html, svg) if path is not None]
    if filtered is not None and chosen is not None:
        kept = _write_filtered(found, documents, *chosen, filtered)
        wrote.append(f"{filtered}: {kept} of {found.documents.num_rows} documents")
    if filtered is None and chosen is not None:
        _print_ids(found, *chosen, json)
    elif json:
        print(json_lines.dumps(_plain(found, spans, until_stderr), indent=1))
    else:
        for line in report.score_lines(found, spans=spans, until_stderr=until_stderr):
            print(line)
    for each in wrote:
        print(f"wrote {each}", file=sys.stderr)


def _print_ids(found: "Score", low: float, high: float, outside: bool, json: bool) -> None:
    ids = found.outside(low, high) if outside else found.between(low, high)
    for line in [json_lines.dumps(ids, indent=1)] if json else ids:
        print(line)


def _plain(found: "Score", spans: int, until_stderr: float | None) -> dict[str, Any]:
    """What --json prints."""
    values: dict[str, Any] = {"model": found.model.name if found.model else None, "protocol": vars(found.protocol)}
    values |= {"skipped": found.skipped} | found.totals()
    if until_stderr is not None:
        stderr = values["bits_per_byte_micro"]["stderr"]
        values["until_stderr"] = {"goal": until_stderr, "reached": stderr is not None and stderr <= until_stderr}
    if any(group is not None for group in found.documents["group"].to_pylist()):
        whole = found.macro_over_groups()
        values["macro_over_groups"] = {"bits_per_byte": whole.value, "stderr": whole.stderr, "groups": whole.n}
        values["groups"] = [
            {"group": group, "bits_per_byte": each.value, "stderr": each.stderr, "documents": each.n}
            for group, each in found.by_group().items()
        ]
    if spans:
        values["spans"] = {
            end: [
                {
                    "id": span.document, "start_byte": span.start_byte, "end_byte": span.end_byte,
                    "bits_per_byte": span.bits_per_byte, "text": span.text,
                }
                for span in found.spans(spans, least=end == "least")
            ]
            for end in ("most", "least")
        }  # fmt: skip
    return values


def _print_report(report: Any, json: bool) -> None:
    if json:
        lines = [
            {
                "protocol": line.name, "bits_per_byte": line.bits_per_byte.value,
                "stderr": line.bits_per_byte.stderr, "perplexity": line.perplexity.value,
                "mean_context": line.mean_context, "scored_share": line.scored_share,
                # JSON has no infinity, which a perplexity a word is in scripts without spaces.
                "printed": {name: value if math.isfinite(value) else None for name, value in line.printed.items()},
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


def _chosen(keep: str | None, drop: str | None) -> tuple[float, float, bool] | None:
    """The two quantiles, and whether what lies outside them is wanted; None without --keep and --drop."""
    if keep is not None and drop is not None:
        raise InputError("--keep and --drop are each other's rest: give one of them.")
    given, option = (keep, "--keep") if keep is not None else (drop, "--drop")
    if given is None:
        return None
    try:
        low, high = (float(part) for part in given.split("-"))
        if not 0 <= low <= high <= 1:
            raise ValueError
    except ValueError:
        raise InputError(f"{option} takes two quantiles, such as 0.1-0.9; given {given!r}.") from None
    return low, high, drop is not None


def _refuse_unfiltered(path: Path, documents: "Documents", chosen: bool, until_stderr: float | None) -> None:
    if not chosen:
        raise InputError("--filtered writes what --keep or --drop leaves: give one of them.")
    if path.suffix != ".jsonl":
        raise InputError(f"documents are written as .jsonl; given {path.name}.")
    if not documents.repeatable:
        raise InputError("--filtered reads the documents a second time: give a file, not standard input.")
    if until_stderr is not None:
        raise InputError("--until-stderr scores some of the documents only, and --filtered needs a score of all.")
    if documents.reads(path):
        raise InputError(f"{path} is read as input: documents are written to another file.")


def _write_filtered(found: "Score", documents: "Documents", low: float, high: float, outside: bool, path: Path) -> int:
    """The documents left, one at a time; how many they are."""
    from entropist.files import written_whole
    from entropist.scoring import documents_between

    count = 0
    with written_whole(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as out:
        for each in documents_between(found, documents, low, high, outside=outside):
            group = {} if each.group is None else {"group": each.group}
            out.write(json_lines.dumps({"id": each.id, "text": each.text} | group, ensure_ascii=False) + "\n")
            count += 1
    return count


def _write_words(found: "Score", path: Path) -> None:
    """The table of words, a shard at a time."""
    import pyarrow.csv
    import pyarrow.parquet

    from entropist.files import written_whole
    from entropist.scoring import WORDS

    writer = pyarrow.csv.CSVWriter if path.suffix == ".csv" else pyarrow.parquet.ParquetWriter
    with written_whole(path) as beside, writer(beside, WORDS) as out:
        for table in found.word_tables():
            out.write_table(table.cast(WORDS))
