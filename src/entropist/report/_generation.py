"""A generated text in the terminal: token by token as it comes, and what the chain made of each distribution."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from entropist.report._scales import _EDGES
from entropist.report._summary import percent
from entropist.report._terminal import _style
from entropist.report._visible import byte_chips, safe, shortened, visible
from entropist.units import per_nat

_LONGEST_TOKEN = 24


class TokenPrinter:
    """Prints tokens as they come, on a background by surprisal where there are colours; context stays plain.

    A character whose bytes come in several tokens is printed when it is whole, in the colours of its last token.
    """

    def __init__(self, *, console: Console | None = None, unit: str = "bits") -> None:
        self._console = console or Console()
        self._unit = unit
        self._scale = per_nat(unit)
        self._pending = b""

    def show(self, piece: bytes, surprisal: float | None = None) -> None:
        """Print the bytes of a token; `surprisal` in nats, None for context."""
        level = -1 if surprisal is None else bisect_right(_EDGES[self._unit], surprisal * self._scale)
        text = Text()
        for number, part in enumerate(safe(self._whole(piece)).split("\n")):
            if number:
                text.append("\n")
            word = part.lstrip(" ")
            text.append(" " * (len(part) - len(word))).append(word, _style(level))
        self._console.print(text, end="", highlight=False, soft_wrap=True)

    def end(self) -> None:
        """Print what is left of a character that never became whole, and end the line."""
        self._console.print(Text(byte_chips(self._pending)), highlight=False)
        self._pending = b""

    def _whole(self, piece: bytes) -> str:
        """The characters that are whole now, a line's end as one; bytes that can be no part of one as chips."""
        self._pending += piece
        found = ""
        while self._pending:
            try:
                found += self._pending.decode()
                self._pending = b""
            except UnicodeDecodeError as error:
                found += self._pending[: error.start].decode()
                if error.reason.startswith("unexpected end"):
                    self._pending = self._pending[error.start :]
                    break
                found += byte_chips(self._pending[error.start : error.end])
                self._pending = self._pending[error.end :]
        if found.endswith("\r"):  # the other half of the line's end may follow
            found, self._pending = found[:-1], b"\r" + self._pending
        return found.replace("\r\n", "\n")


def generation_lines(steps: Any, stopped: Sequence[str], *, unit: str = "bits") -> list[str]:
    """What there is to say of a generation: `steps` is its table of steps, `stopped` how each sample ended."""
    rows: list[dict[str, Any]] = steps.to_pylist()
    several = len(stopped) > 1
    how = ", ".join(
        f"{ending(what)} ({'all' if count == len(stopped) else count} samples)" if several else ending(what)
        for what, count in Counter(stopped).items()
    )
    if not rows:
        return [f"no token was generated: {how}"]
    n, factor = len(rows), per_nat(unit)

    def mean(name: str) -> float:
        return float(sum(row[name] for row in rows)) / n

    before, after = (mean(name) * factor for name in ("entropy", "kept_entropy"))
    first = sum(row["rank"] == 0 for row in rows) / n
    kept = f"{mean('kept'):.4g} token{'' if mean('kept') == 1 else 's'}"
    return [
        f"{n} token{'' if n == 1 else 's'} · ended by {how}",
        f"entropy before the chain {before:.2f} {unit} a token, after it {after:.2f} · surprisal drawn "
        f"{-mean('logprob') * factor:.2f} {unit}",
        f"the chain kept {percent(mean('kept_mass'))} of the probability and {kept} on average · "
        f"the likeliest token was taken {100 * first:.0f} % of the time",
        *rule_lines(row["rule"] for row in rows),
    ]


def ending(stopped: str) -> str:
    """How a sample ended, in words, of an entry of `Settings.stopped`."""
    if stopped.startswith("abstained: "):
        return safe(stopped.replace("abstained: ", "an abstention: ", 1))
    return _ENDED[stopped]


def rule_lines(rules: Iterable[str]) -> list[str]:
    """How often each rule of an adaptive decoder fired, of the rule of every token; "" is none."""
    fired = Counter(filter(None, rules))
    total = fired.total()
    return [f"rule {safe(name)}: {count} of {total} tokens" for name, count in fired.most_common()]


def explanation_lines(steps: Any, *, unit: str = "bits") -> Iterator[str]:
    """One aligned row a token: what was known, what the chain kept, which rank was drawn, by which rule and why."""
    rows: list[dict[str, Any]] = steps.to_pylist()
    factor = per_nat(unit)
    several = any(row["sample"] for row in rows)
    names = [_name(row) for row in rows]
    width = max(map(cell_len, ["token", *names]))
    sample = "sample  " if several else ""
    yield (
        f"{sample}step  token{' ' * (width - 5)}  {unit:>6}  rank  {'entropy':>7}  {'after':>6}  {'kept':>6}  "
        f"{'mass':>8}" + ("  rule" if any(row["rule"] for row in rows) else "")
    )
    for row, name in zip(rows, names):
        which = f"{row['sample'] + 1:>6}  " if several else ""
        rule = f"  {row['rule']}: {row['reason']}" if row["rule"] else ""
        yield (
            f"{which}{row['step']:>4}  {name}{' ' * (width - cell_len(name))}  {-row['logprob'] * factor:>6.2f}  "
            f"{row['rank']:>4}  {row['entropy'] * factor:>7.2f}  {row['kept_entropy'] * factor:>6.2f}  "
            f"{row['kept']:>6}  {percent(row['kept_mass']):>8}{safe(rule)}"
        )


_ENDED = {
    "length": "the length asked for",
    "end": "the model's end token",
    "stop": "the text to stop at",
    "interrupted": "an interruption",
    "caller": "the loop that was recorded",
}


def _name(row: Mapping[str, Any]) -> str:
    raw: bytes = row["token_bytes"]
    try:
        shown = visible(safe(raw.decode()))
    except UnicodeDecodeError:
        shown = byte_chips(raw)
    return shortened(shown, _LONGEST_TOKEN) or "(end)"
