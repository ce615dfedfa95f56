"""``entropist ask``: a live server's answer, traced as it streams."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from entropist.errors import InputError, ServerError


def ask(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the server listens, such as http://localhost:8080.")],
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help="What to ask; without it, or as -, standard input.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's name, where the server has several.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="openai-chat, openai-completions, llama.cpp or ollama; found where not given.")
    ] = None,
    tokens: Annotated[int, typer.Option(min=1, metavar="N", help="The longest answer, in tokens.")] = 256,
    top: Annotated[int, typer.Option(min=0, metavar="K", help="Alternatives to ask for.")] = 20,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, help="Sampling temperature; the server's where not given.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed, for servers that take one.")] = None,
    vocabulary: Annotated[int | None, typer.Option(min=1, metavar="SIZE", help="Tokens the model can emit.")] = None,
    ask_key: Annotated[
        bool, typer.Option("--ask-key", help="Ask for the key instead of reading ENTROPIST_API_KEY.")
    ] = False,
    unit: Annotated[Literal["bits", "nats", "dits"], typer.Option(help="Unit of everything printed.")] = "bits",
    json: Annotated[bool, typer.Option("--json", help="Print the whole record as JSON instead.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page, one file without network.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the picture of the text.")] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the record: .parquet, .arrow or .jsonl.")
    ] = None,
) -> None:
    """Trace a live server's answer as it comes."""
    from entropist import report
    from entropist.files import refuse_unwritable, write_text
    from entropist.record import refuse_unsavable
    from entropist.responses import connect

    text = _prompt(prompt)
    if save is not None:
        refuse_unsavable(save)
    for path in (html, svg):
        if path is not None:
            refuse_unwritable(path)
    key = typer.prompt("API key", hide_input=True) if ask_key else None
    broke_off: ServerError | None = None
    with connect(url, model=model, api_key=key, kind=kind, vocabulary_size=vocabulary) as connection:
        answer = connection.stream(text, max_tokens=tokens, top=top, temperature=temperature, seed=seed)
        try:
            for piece in answer:
                if not json:
                    report.print_piece(piece, unit=unit)
            record = answer.trace()
        except ServerError as error:
            if error.trace is None:
                raise
            broke_off, record = error, error.trace
        except KeyboardInterrupt:
            record = answer.trace()
            print("\nstopped; the tokens that had come were kept.", file=sys.stderr)
    if save is not None:
        record.save(save)
    if html is not None:
        report.write_html(record, html, unit=unit)
    if svg is not None:
        write_text(svg, report.svg(record, unit=unit))
    if json:
        sys.stdout.write(record.to_json(unit=unit) + "\n")
    else:
        print("\n")
        report.print_diagnosis(report.Diagnosis(url, record, unit), with_text=False)
    for path in (save, html, svg):
        if path is not None:
            print(f"wrote {path}", file=sys.stderr)
    if broke_off is not None:
        raise ServerError(str(broke_off))


def _prompt(prompt: str | None) -> str:
    from entropist.corpus import read_text

    if prompt is None and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError('nothing to ask: give a prompt, or pipe one in: entropist ask URL "Why is the sky blue?".')
    text = read_text("-") if prompt is None or prompt == "-" else prompt
    if not text:
        raise InputError("the prompt is empty: there is nothing to ask.")
    return text
