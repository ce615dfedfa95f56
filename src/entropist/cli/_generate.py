"""``entropist generate``: a prompt continued, with what the model held and what the sampler left of it."""

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from entropist.errors import InputError

if TYPE_CHECKING:
    from entropist.decoding import Generation, Starter, Stream


def generate(
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help="What to continue; without it, or as -, standard input.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="builtin:base (or tuned, student, bytes), a model directory, a .gguf file, or a hub id.")
    ] = "builtin:base",
    chat: Annotated[
        bool, typer.Option("--chat", help="The prompt is a user's turn, put into the model's own chat format.")
    ] = False,
    sampler: Annotated[
        str | None, typer.Option(metavar="CHAIN", help='Steps in their order, such as "min_p=0.05,temperature=0.8".')
    ] = None,
    profile: Annotated[
        Literal["huggingface", "llama.cpp"], typer.Option(help="Whose rules for ties and edges the steps follow.")
    ] = "huggingface",
    adaptive: Annotated[
        str | None, typer.Option(metavar="SET", help="By entropy: entropix-v1, entropix-v2, entropix-v3 or abstain.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, metavar="N", help="The longest continuation, in tokens.")] = 200,
    samples: Annotated[int, typer.Option(min=1, metavar="N", help="How many continuations.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same text.")] = 0,
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="End after this text; may be repeated.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="For every token: what the chain kept, the rank drawn, the rule and why.")
    ] = False,
    unit: Annotated[Literal["bits", "nats", "dits"], typer.Option(help="Unit of everything printed.")] = "bits",
    json: Annotated[bool, typer.Option("--json", help="Print the whole record as JSON instead of the text.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the page; further samples to FILE-2.html and so on.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the picture of the text; further samples as with --html.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the record: .parquet, .arrow or .jsonl.")
    ] = None,
) -> None:
    """Continue a prompt, coloured by how unlikely each token was.

    Ctrl-C ends the text; what had come is kept and written.
    """
    text = _prompt(prompt)
    if adaptive is not None and (sampler is not None or profile != "huggingface"):
        other = "--profile" if sampler is None else "--sampler"
        raise InputError(f"--adaptive decides how each token is drawn, so it takes no {other}: leave one of them out.")
    from entropist import decoding
    from entropist.files import refuse_unwritable

    pages, pictures = (_numbered(path, samples) for path in (html, svg))
    for path in [*pages, *pictures]:
        refuse_unwritable(path)
    if save is not None:
        decoding.refuse_unsavable(save)
    going = decoding.stream(
        text,
        model=model,
        sampler=_starter(sampler, adaptive),
        profile=profile,
        max_tokens=max_tokens,
        samples=samples,
        seed=seed,
        stop=tuple(stop or ()),
        chat=chat,
    )
    try:
        _watch(going, f"{text}\n" if chat else text, unit, show=not json and samples == 1, steps=max_tokens * samples)
    finally:  # also where the reader of a pipe has gone
        generation = going.generation()
        if save is not None:
            generation.save(save)
        _draw(generation, pages, pictures, unit)
    if json:
        sys.stdout.write(generation.to_json(unit=unit) + "\n")
    else:
        _print(generation, unit, explain=explain)
    for path in [*([save] if save is not None else []), *pages, *pictures]:
        print(f"wrote {path}", file=sys.stderr)


def _draw(generation: "Generation", pages: list[Path], pictures: list[Path], unit: str) -> None:
    """Write the page and the picture of every sample."""
    from entropist import report
    from entropist.files import write_text

    for number, page in enumerate(pages):
        report.write_generation_html(generation, page, sample=number, unit=unit)
    for number, picture in enumerate(pictures):
        write_text(picture, report.svg(generation.sample(number), unit=unit))


def _starter(sampler: str | None, adaptive: str | None) -> "str | Starter":
    from entropist.decoding import Adaptive

    if adaptive is not None:
        return Adaptive(adaptive)
    return "temperature=1" if sampler is None else sampler


def _watch(going: "Stream", prompt: str, unit: str, *, show: bool, steps: int) -> None:
    """Run it; the only sample of a text is printed as it comes."""
    from entropist.progress import tracked
    from entropist.report import TokenPrinter

    printer = TokenPrinter(unit=unit) if show else None
    if printer is not None:
        printer.show(prompt.encode())
    try:
        for step in going if printer is not None else tracked(going, steps, "generating"):
            if printer is not None:
                printer.show(step.piece, -step.choice.logprob)
    except KeyboardInterrupt:
        print("\nstopped; the tokens that had come were kept.", file=sys.stderr)
    finally:
        if printer is not None:
            printer.end()


def _print(generation: "Generation", unit: str, *, explain: bool) -> None:
    from entropist.report import TokenPrinter, explanation_lines, generation_lines

    steps = generation.steps
    if len(generation) > 1:
        by_sample: list[list[tuple[bytes, float]]] = [[] for _ in range(len(generation))]
        for number, piece, logprob in zip(*(steps[name].to_pylist() for name in ("sample", "token_bytes", "logprob"))):
            by_sample[number].append((piece, -logprob))
        for number, pieces in enumerate(by_sample):
            print(f"{'' if number == 0 else chr(10)}sample {number + 1} of {len(generation)}", flush=True)
            printer = TokenPrinter(unit=unit)
            printer.show(generation.settings.prompt.encode())
            for piece, surprisal in pieces:
                printer.show(piece, surprisal)
            printer.end()
    print()
    if explain:
        print("\n".join([*explanation_lines(steps, unit=unit), ""]))
    print("\n".join(generation_lines(steps, generation.settings.stopped, unit=unit)))
    if len(generation) > 1:
        print("\n".join(_together(generation, unit)))
    if slides := generation.settings.slides:
        times = "once" if slides == 1 else f"{slides} times"
        print(f"the context was full {times}: its last half went on")


def _together(generation: "Generation", unit: str) -> list[str]:
    """What the samples say as a whole."""
    from entropist.decoding import rollouts
    from entropist.units import per_nat

    if not all(generation.token_ids):
        return []
    found = rollouts(generation)
    lines = []
    if not any(generation.steps["rule"].to_pylist()):  # an adaptive decoder's tokens are no draws
        exact, drawn = (each.to(unit) for each in (found.entropy.rao_blackwell, found.entropy.sampled))
        lines += [f"entropy of a continuation {exact}", f"the same from −log p      {drawn}"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that all samples differ is said below
        modes = found.modes
    if len(modes.counts) == len(generation):
        lines.append(f"all {len(generation)} samples differ (by words)")
    else:
        lines.append(
            f"{len(modes.counts)} modes (by words), the largest of {max(modes.counts)} samples; "
            f"effective number {modes.effective_number}"
        )
    surprisal = -found.mean_logprobs[found.best] * per_nat(unit)
    return [*lines, f"the likeliest is sample {found.best + 1}, {surprisal:.2f} {unit} a token"]


def _numbered(path: Path | None, samples: int) -> list[Path]:
    """Where what is drawn of each sample goes: FILE for the first, FILE-2.html and so on for the others."""
    if path is None:
        return []
    return [path, *(path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(2, samples + 1))]


def _prompt(prompt: str | None) -> str:
    from entropist.corpus import decode, read_text

    if prompt is None and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError('nothing to continue: give a prompt, or pipe one in: entropist generate "Once upon a time".')
    if prompt is None or prompt == "-":
        return read_text("-")
    return decode(prompt.encode("utf-8", "surrogateescape"), "the prompt given")
