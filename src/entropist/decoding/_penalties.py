"""Samplers that make tokens less likely because they occurred before. They work on logits: a shift changes them.

For a token that stands c > 0 times among the previous ones, in this order,

    repetition    z / r where z > 0, z · r elsewhere       Keskar et al. 2019 (arXiv 1909.05858), as mended since
    frequency     z − c · f                                 OpenAI's interface
    presence      z − a                                     the same

"huggingface" looks at all previous tokens, the prompt too; "llama.cpp" at the last 64, unless `last` says otherwise.
"""

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array

from entropist.decoding._arrays import Profile, checked_rows, like, profile_name
from entropist.decoding._checks import number, whole
from entropist.errors import InputError

_LAST_OF_LLAMA_CPP = 64
_LARGEST = float(np.finfo(np.float32).max)


def penalties(
    logprobs: Any,
    previous: Any,
    *,
    repetition: float = 1.0,
    frequency: float = 0.0,
    presence: float = 0.0,
    last: int | None = None,
    profile: Profile = "huggingface",
) -> Any:
    """The three penalties in one step, as llama.cpp applies them.

    logprobs: logits (..., vocabulary), NumPy or torch, masked by -inf; the same comes back. previous: token ids, (n,)
    for all rows or (..., n). last: how many of them count; None is the profile's own.

    Raises `InputError` for a `repetition` that is not positive, a `last` below 1, ids outside the vocabulary, and a row
    with NaN, +inf or nothing but -inf.

    >>> import numpy as np
    >>> penalties(np.array([2.0, -2.0, 2.0]), [0, 1, 1], repetition=2.0, frequency=1.0, presence=0.5)
    array([-0.5, -6.5,  2. ])
    """
    r = number("repetition_penalty", repetition, 0, open_low=True)
    f, a = number("frequency_penalty", frequency, -math.inf), number("presence_penalty", presence, -math.inf)
    rows = checked_rows(logprobs)
    ids = _previous(previous, tuple(logprobs.shape))
    window = _LAST_OF_LLAMA_CPP if profile_name(profile) == "llama.cpp" else None
    window = window if last is None else whole("last", last, 1)
    ids = ids if window is None else ids[:, -window:]
    xp = array_namespace(logprobs)
    counts = like(_counts(ids, rows.shape), logprobs)
    counts = xp.astype(counts, rows.dtype)
    with np.errstate(over="ignore"):  # the lowest float, a usual mask, may pass to -inf: it is one
        penalized = xp.where(rows > 0, rows / r, rows * r) - (counts * f + a)
    return xp.reshape(xp.where(counts > 0, penalized, rows), logprobs.shape)


def repetition_penalty(
    logprobs: Any, previous: Any, penalty: float, *, last: int | None = None, profile: Profile = "huggingface"
) -> Any:
    """Divide positive logits of previous tokens by `penalty`, multiply the others; arguments as in `penalties`.

    >>> import numpy as np
    >>> repetition_penalty(np.array([2.0, -2.0, 2.0]), [0, 1, 1], 2.0)
    array([ 1., -4.,  2.])
    """
    return penalties(logprobs, previous, repetition=penalty, last=last, profile=profile)


def frequency_penalty(
    logprobs: Any, previous: Any, penalty: float, *, last: int | None = None, profile: Profile = "huggingface"
) -> Any:
    """Subtract `penalty` for each time that a token stands among the previous; arguments as in `penalties`.

    >>> import numpy as np
    >>> frequency_penalty(np.array([2.0, -2.0, 2.0]), [0, 1, 1], 0.5)
    array([ 1.5, -3. ,  2. ])
    """
    return penalties(logprobs, previous, frequency=penalty, last=last, profile=profile)


def presence_penalty(
    logprobs: Any, previous: Any, penalty: float, *, last: int | None = None, profile: Profile = "huggingface"
) -> Any:
    """Subtract `penalty` from the logit of every previous token; arguments as in `penalties`.

    >>> import numpy as np
    >>> presence_penalty(np.array([2.0, -2.0, 2.0]), [0, 1, 1], 0.5)
    array([ 1.5, -2.5,  2. ])
    """
    return penalties(logprobs, previous, presence=penalty, last=last, profile=profile)


def dry(
    logprobs: Any,
    previous: Any,
    multiplier: float = 0.8,
    *,
    base: float = 1.75,
    allowed_length: int = 2,
    breakers: Any = (),
    last: int | None = None,
) -> Any:
    """Don't Repeat Yourself: subtract multiplier · base^(length − allowed_length) from tokens that continue a repeat.

    A token continues a repeat of `length` if the last `length` previous tokens stood before it at an earlier place.
    `breakers` are token ids, or one: no repeat reaches over one, and none is penalized itself. logprobs, previous and
    last (by default all) as in `penalties`. Rule and arithmetic are llama.cpp's, whose breakers may be longer than a
    token.

    >>> import numpy as np
    >>> dry(np.zeros(4), [0, 1, 2, 0, 1], 1.0, base=1.1)
    array([ 0.,  0., -1.,  0.])
    """
    m, b = number("dry's multiplier", multiplier, 0), number("dry's base", base, 1)
    least = whole("dry's allowed_length", allowed_length, 1)
    stops = {whole("a breaker", each, 0) for each in ([breakers] if isinstance(breakers, int) else breakers)}
    rows = checked_rows(logprobs)
    ids = _previous(previous, tuple(logprobs.shape))
    ids = ids if last is None else ids[:, -whole("last", last, 1) :]
    if rows.shape[1] <= ids.max(initial=-1):
        raise InputError(f"previous holds the id {ids.max()}, which is no token of a vocabulary of {rows.shape[1]}.")
    most = int(np.float32(88.7228391) / np.log(np.float32(b))) if b > 1.000001 else 0
    fall = np.zeros(rows.shape, np.float32)
    for row in range(rows.shape[0]):
        for token, length in _repeats(ids[row % len(ids)].tolist(), least, stops).items():
            exponent = min(length - least, most) if most else length - least
            fall[row, token] = min(float(np.float32(m)) * float(np.float32(b)) ** exponent, _LARGEST)
    xp = array_namespace(logprobs)
    return xp.reshape(rows - xp.astype(like(fall, logprobs), rows.dtype), logprobs.shape)


def _repeats(ids: list[int], least: int, breakers: set[int]) -> dict[int, int]:
    """For each token that would continue a repeat of `least` or more, the longest such repeat."""
    backwards = ids[::-1]
    limit = next((i for i, token in enumerate(backwards) if token in breakers), len(ids))
    if len(ids) <= least or limit < least:
        return {}
    longest: dict[int, int] = {}
    for shift, length in enumerate(_common_with_start(backwards)[1:], 1):
        length = min(length, limit)
        token = backwards[shift - 1]
        if length >= least and token not in breakers:
            longest[token] = max(length, longest.get(token, 0))
    return longest


def _common_with_start(items: list[int]) -> list[int]:
    """How far each suffix agrees with the whole: the Z-algorithm, linear in the length."""
    found = [0] * len(items)
    left = right = 0
    for i in range(1, len(items)):
        n = min(found[i - left], right - i) if i < right else 0
        while i + n < len(items) and items[n] == items[i + n]:
            n += 1
        found[i] = n
        if i + n > right:
            left, right = i, i + n
    return found


def _previous(previous: Any, shape: tuple[int, ...]) -> Any:
    """Ids (rows, n), or (1, n) for all rows."""
    ids = previous.detach().cpu().numpy() if is_torch_array(previous) else np.asarray(previous)
    if ids.size == 0:
        return np.zeros((1, 0), np.int64)
    if not np.issubdtype(ids.dtype, np.integer):
        raise InputError(f"previous must be token ids, that is integers; given {ids.dtype}.")
    if ids.ndim != 1 and ids.shape[:-1] != shape[:-1]:
        raise InputError(f"previous has shape {ids.shape}; logits of {shape} need (n,) or {(*shape[:-1], 'n')}.")
    return ids.reshape(-1, ids.shape[-1])


def _counts(ids: Any, shape: tuple[int, int]) -> Any:
    """How often each token stands among the ids of each row; (1, vocabulary) where the ids are those of all rows."""
    rows, vocabulary = (len(ids), shape[1])
    if ids.size and not (ids.min() >= 0 and ids.max() < vocabulary):
        wrong = ids[(ids < 0) | (ids >= vocabulary)][0]
        raise InputError(f"previous holds the id {wrong}, which is no token of a vocabulary of {vocabulary}.")
    flat = (ids + np.arange(rows)[:, None] * vocabulary).reshape(-1)
    return np.bincount(flat, minlength=rows * vocabulary).reshape(rows, vocabulary)
