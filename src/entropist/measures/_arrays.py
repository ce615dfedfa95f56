"""Arrays in, the same kind of array out: whose library it is, which dtype, which axes.

NumPy, PyTorch, JAX, CuPy or any other library of the array API; lists are read as NumPy float64. Nothing is ever
copied to NumPy, and no library is imported that the caller has not. Integers and booleans are read as the library's
default float, and half precision is computed in float32; the result has the dtype that came in.
"""

import math
from contextlib import nullcontext
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj, is_numpy_array, is_torch_array

from entropist.errors import InputError


def namespace_and_arrays(given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The array library of what the caller gave, and that as its arrays of a real floating dtype.

    Lists take the library, dtype and device of the arrays beside them, and are NumPy float64 where there are none.
    Integers and booleans become the library's default float.
    """
    for name, value in given.items():
        if isinstance(value, np.ma.MaskedArray):
            raise InputError(f"{name} is a masked array, whose mask would be lost; set what is masked to 0.")
        if not (is_array_api_obj(value) or isinstance(value, list | tuple | int | float)):
            raise InputError(f"{name} must be an array (NumPy, PyTorch, JAX, CuPy) or a list of numbers; "
                             f"given {type(value).__name__}.")  # fmt: skip
    found = [value for value in given.values() if is_array_api_obj(value)]
    try:
        xp = array_namespace(*found) if found else array_namespace(np.empty(0))
    except TypeError as error:
        kinds = ", ".join(f"{name} is a {type(value).__module__} array" for name, value in given.items())
        raise InputError(f"arrays of different libraries do not mix: {kinds}; convert one.") from error
    return xp, {name: _as_float(xp, name, value, found) for name, value in given.items()}


def quiet(array: Any) -> Any:
    """An infinite divergence is an answer; NumPy (and what is built on it) would warn of a division by zero."""
    return nullcontext() if is_torch_array(array) else np.errstate(all="ignore")


def number(value: Any) -> Any:
    """A NumPy result without axes becomes a scalar, as NumPy's own reductions give."""
    return value[()] if is_numpy_array(value) and value.ndim == 0 else value


def _as_float(xp: Any, name: str, value: Any, found: list[Any]) -> Any:
    if not is_array_api_obj(value):
        like = {"dtype": found[0].dtype, "device": device(found[0])} if found else {"dtype": xp.float64}
        if found and not xp.isdtype(found[0].dtype, "real floating"):
            like["dtype"] = _default_float(xp)
        try:
            return xp.asarray(value, **like)
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} is no table of numbers: {error}.") from error
    if xp.isdtype(value.dtype, "real floating"):
        return value
    if xp.isdtype(value.dtype, ("integral", "bool")):
        return xp.astype(value, _default_float(xp))
    raise InputError(f"{name} must hold real numbers; given {value.dtype}.")


def _default_float(xp: Any) -> Any:
    return xp.__array_namespace_info__().default_dtypes()["real floating"]


def result_types(xp: Any, arrays: list[Any]) -> tuple[Any, Any]:
    """The dtype of the result, and the one computed in: half precision is computed in float32."""
    result_type = arrays[0].dtype if len(arrays) == 1 else xp.result_type(*arrays)
    return result_type, xp.float32 if xp.finfo(result_type).bits < 32 else result_type


def shape_and_axes(arrays: dict[str, Any], axis: int | tuple[int, ...] | None) -> tuple[tuple[int, ...], list[int]]:
    shapes = {name: tuple(array.shape) for name, array in arrays.items()}
    longest = max([len(shape) for shape in shapes.values()])
    shape = next(shape for shape in shapes.values() if len(shape) == longest)
    axes = _axes(next(name for name in shapes if shapes[name] == shape), shape, axis)
    single = tuple(shape[i] for i in axes)
    if any(other not in (shape, single) for other in shapes.values()):
        listed = ", ".join(f"{name} {other}" for name, other in shapes.items())
        raise InputError(f"shapes do not match: {listed}; they must be equal, or one a single distribution {single}.")
    return shape, axes


def _axes(name: str, shape: tuple[int, ...], axis: int | tuple[int, ...] | None) -> list[int]:
    """The axes of the variables, counted from 0, in the order in which they are named."""
    if not shape:
        raise InputError(f"{name} is a single number; a distribution has at least one axis.")
    several = axis if isinstance(axis, tuple | list) else range(len(shape)) if axis is None else (axis,)
    named = [one_axis(i) for i in several]
    for i in named:
        if not -len(shape) <= i < len(shape):
            raise InputError(f"axis {i} is no axis of {name}, whose shape is {shape}.")
    axes = [i % len(shape) for i in named]
    if not axes or len(set(axes)) < len(axes):
        raise InputError(f"axis={axis!r} must name every variable of {name} once, and one at least.")
    if math.prod([shape[i] for i in axes]) == 0:
        raise InputError(f"{name} has shape {shape}, which leaves no outcome along axis {axis!r}.")
    return axes


def one_axis(axis: Any) -> int:
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise InputError(f"axis must be an integer; given {axis!r}.")
    return int(axis)


def axes_of(name: str, array: Any, axis: int | tuple[int, ...] | None) -> list[int]:
    """The axes of `array` that `axis` names, counted from 0; `InputError` where they are none."""
    if not is_array_api_obj(array):
        array = namespace_and_arrays({name: array})[1][name]
    return _axes(name, tuple(array.shape), axis)
