"""Rows of logits in, rows of logits out: what every sampler does around its rule.

NumPy or torch, (..., vocabulary), masked by -inf. A rule sees rows (rows, vocabulary) and answers with which entries
stay. Rules of the profile "huggingface" work in the library given and in its precision (float16 and bfloat16 in
float32, as `generate()` does), with torch's own operators on tensors, so that they round as Transformers does. Rules of
"llama.cpp" work in NumPy float32, adding up one term after the other in descending order, as its C++ does.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, cast, get_args

import numpy as np
from array_api_compat import array_namespace, is_numpy_array, is_torch_array
from array_api_compat import device as device_of
from numpy.typing import NDArray

from entropist.errors import InputError

Profile = Literal["huggingface", "llama.cpp"]
"""Whose rules for ties, edges and order: those of Hugging Face Transformers or those of llama.cpp."""

Rule = Callable[[Any], Any]
"""From rows (rows, vocabulary) to a mask of the same shape, or to new rows."""


def profile_name(profile: str) -> Profile:
    """`profile`, if it is one."""
    if profile not in get_args(Profile):
        raise InputError(f"there is no profile {profile!r}: use one of {', '.join(get_args(Profile))}.")
    return cast(Profile, profile)


def keep(logprobs: Any, rule: Rule, *, as_engine: bool = False) -> Any:
    """`logprobs` with -inf where the rule says False, else unchanged. `as_engine`: the rule sees NumPy float32 rows."""
    rows = checked_rows(logprobs)
    with np.errstate(over="ignore"):  # the lowest float, a usual mask, may pass to -inf: it is one
        mask = like(rule(engine_rows(rows) if as_engine else working_rows(rows)), logprobs)
    xp = array_namespace(logprobs)
    return xp.where(xp.reshape(mask, logprobs.shape), logprobs, xp.full_like(logprobs, -math.inf))


def checked_rows(logprobs: Any) -> Any:
    """A view or copy (rows, vocabulary); raises `InputError` for what is no array of usable logits, naming the row."""
    if not (is_numpy_array(logprobs) or is_torch_array(logprobs)):
        raise InputError(f"logprobs must be an array of NumPy or torch; given {type(logprobs).__name__}.")
    xp = array_namespace(logprobs)
    if logprobs.ndim == 0 or logprobs.shape[-1] == 0:
        raise InputError(f"logprobs must be (..., vocabulary) with a vocabulary; given shape {tuple(logprobs.shape)}.")
    if not xp.isdtype(logprobs.dtype, "real floating"):
        raise InputError(f"logprobs must be floating; given {logprobs.dtype}.")
    rows = xp.reshape(logprobs, (math.prod(logprobs.shape[:-1]), logprobs.shape[-1]))
    if rows.shape[0]:
        _refuse(xp, xp.max(rows, axis=-1))
    return rows


def _refuse(xp: Any, maxima: Any) -> None:
    """A maximum that is not finite betrays NaN (which max passes on), +inf, or a row of -inf only."""
    bad = ~xp.isfinite(maxima)
    if bool(xp.any(bad)):
        row = int(xp.argmax(xp.astype(bad, xp.int64)))
        value = float(maxima[row])
        what = "NaN" if math.isnan(value) else "+inf" if value > 0 else "nothing but -inf"
        raise InputError(
            f"logprobs row {row} contains {what}; a choice needs one finite value at least and otherwise finite "
            "values or -inf."
        )


def working_rows(rows: Any) -> Any:
    """The rows in their own library, in float32 at least, without gradient."""
    if is_torch_array(rows):
        return rows.detach().float() if rows.element_size() < 4 else rows.detach()
    return rows.astype(np.float32) if rows.dtype.itemsize < 4 else rows


def engine_rows(rows: Any) -> NDArray[np.float32]:
    """The rows as llama.cpp holds them: a logit beyond float32 raises `InputError`, one below it is masked."""
    if is_torch_array(rows):
        rows = rows.detach().float().cpu().numpy()
    with np.errstate(over="ignore"):
        found = np.asarray(rows, np.float32)
    beyond = np.isposinf(found.max(axis=-1, initial=-np.inf))
    if beyond.any():
        raise InputError(f"logprobs row {int(beyond.argmax())} exceeds float32, in which this sampler works.")
    return found


def like(found: Any, logprobs: Any) -> Any:
    """What a rule found, in the library and on the device of the `logprobs`."""
    if is_torch_array(found) or not is_torch_array(logprobs):
        return found
    return array_namespace(logprobs).asarray(found, device=device_of(logprobs))


def softmax(rows: Any) -> Any:
    """Probabilities in the rows' precision: torch's own, or summed in float64 and rounded."""
    if is_torch_array(rows):
        return rows.softmax(dim=-1)
    return np.exp(_log_softmax(rows)).astype(rows.dtype)


def log_softmax(rows: Any) -> Any:
    """Log-probabilities in the rows' precision: torch's own, or summed in float64 and rounded."""
    return rows.log_softmax(dim=-1) if is_torch_array(rows) else _log_softmax(rows).astype(rows.dtype)


def _log_softmax(rows: Any) -> NDArray[np.float64]:
    below = rows - rows.max(axis=-1, keepdims=True).astype(np.float64)
    return cast(NDArray[np.float64], below - np.log(np.exp(below).sum(axis=-1, keepdims=True)))


def cumulative(values: Any) -> Any:
    """Sums along the rows, held in float64 and rounded to the rows' precision."""
    if is_torch_array(values):
        return values.cumsum(dim=-1)
    return values.cumsum(axis=-1, dtype=np.float64).astype(values.dtype)


def order(values: Any) -> Any:
    """Indices that sort the rows upwards; equals by id, on tensors as torch leaves them, as in Transformers."""
    if is_torch_array(values):
        return values.sort(dim=-1).indices
    return np.argsort(values, axis=-1, kind="stable")


def unsort(mask: Any, indices: Any) -> Any:
    """The mask of sorted rows, in the rows' own order."""
    if is_torch_array(mask):
        return mask.scatter(-1, indices, mask)
    found = np.empty_like(mask)
    np.put_along_axis(found, indices, mask, axis=-1)
    return found
