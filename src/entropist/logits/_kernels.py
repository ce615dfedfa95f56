"""The compiled loops over rows of logits on the CPU (Numba): one reading for statistics, two for a pair.

A row is worked in blocks of 2048, which stay in the first cache. Of each block first the maximum m_b, then, with
x = (z − m_b)·log₂e/T, the float32 sums Σ 2^x, Σ 2^x·y and Σ 2^x·y² of y = x + g, where g is a guess of −mean(x):
the mean so far. A guess far off for the block's spread is replaced and the block summed again, so that the
variance is never a difference of large numbers. Blocks are merged in float64: mass s, mean μ, moment M2,

    μ = μ_a + δ·s_b/s,    M2 = M2_a + M2_b + δ²·s_a·s_b/s,    δ = μ_b − μ_a.

How it is made fast and right:

* LLVM vectorizes no float maximum, but integer ones: as integers, floats ascend where positive and descend where
  negative, so the signed maximum finds m_b where any is positive, the signed minimum otherwise; a NaN lies beyond
  +inf by the first and, if negative, beyond -inf by the unsigned maximum.
* 2^x is 2^n·2^f with n = round(x) by adding a number whose unit in the last place is 1, which no reassociation may
  touch: sums alone are marked `reassoc`, the terms have exact `fmuladd`s. f carries what the products and the
  difference z − m_b lost (`rest`), because a tail of equal logits is rounded in one direction.
* Whatever lies 2^-127 below counts exactly 0, and a masked entry is that.

All of it stands in one file: Numba notices a change in the file of a kernel, not in those it uses.
"""

# mypy: disable-error-code="no-untyped-call,untyped-decorator,no-untyped-def,misc"
# Numba's functions carry no types.

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload, register_jitable

from entropist.logits._compiling import cached_njit

_BLOCK = 2048
_SUMMED = 1024  # entries a float32 sum: equal terms are rounded in one direction, 16 of them in each of 64 lanes
_SAMPLE = 128  # entries that give the first guess of a row
_F, _I, _U = np.float32, np.int32, np.uint32
_ROUND = _F(12582912.0 + 127)  # 1.5·2²³ + 127: adding it rounds, and leaves n + 127 in the lowest bits
_LOG2E = 1 / math.log(2)
_LOWEST = np.finfo(_F).min
_INFINITY_BITS = _I(0x7F800000)
_MASK_BITS = _U(0xFF800000)
_NOTHING = -745.0  # ln of the smallest float64: what is less likely by more counts as masked
_NEAR = _F(0.3465)  # ln(2)/2: below it e^-ρ is 2^0·2^f
_LATE = _F(4 * _LOG2E)  # 4T in units of log 2: see `_sums`
_EXACT = 2.0**20  # |m|·log₂e/T up to which m − 127 ln 2·T is a number well apart from m

# Minimax polynomials, rounded to float32 (relative error in brackets).
_E1, _E2, _E3, _E4, _E5 = (  # 2^f − 1 over f, |f| ≤ 1/2 (1.1e-7)
    _F(c) for c in (0.6931470036506653, 0.24022242426872253, 0.05550733581185341, 0.00967151299119, 0.0013264724984765)
)
_A0, _A1, _A2, _A3, _A4 = (  # (e^-ρ − 1 + ρ)/ρ², 0 ≤ ρ ≤ ln(2)/2 (1.1e-8)
    _F(c) for c in (0.5, -0.1666664034128189, 0.04166071116924286, -0.008285143412649632, 0.0012275214539840817)
)
_K0, _K1, _K2, _K3, _K4 = (  # (1+e^-ρ)(ln 2 − ln(1+e^-ρ)) − ρ·e^-ρ over ρ², as above (1.8e-8)
    _F(c) for c in (0.25, -0.1249997690320015, 0.031244777143001556, -0.005166211631149054, 0.0007271542563103139)
)
_P0, _P1, _P2, _P3, _P4, _P5, _P6 = (  # (1+E)(ln 2 − ln(1+E)), 0 ≤ E ≤ 0.708 (absolute, 8e-8)
    _F(c)
    for c in (
        0.6931472420692444,
        -0.30685967206954956,
        -0.49983400106430054,
        0.16513830423355103,
        -0.07640591263771057,
        0.032699186354875565,
        -0.007970640435814857,
    )
)
_ONE = _F(1)

_term = register_jitable(fastmath=False)  # exact: inlined, and not reassociated with the sum around it
_total = register_jitable(fastmath={"reassoc", "contract", "nsz"})  # the order of a sum is the machine's


@intrinsic
def _fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once where the machine can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        function = builder.module.declare_intrinsic("llvm.fmuladd", [kind], ir.FunctionType(kind, [kind] * 3))
        return builder.call(function, arguments)

    return a(a, a, a), generate


@_term
def _raised(shifted, f):
    """2^n·2^f, where `shifted` is n + _ROUND."""
    series = _fma(_fma(_fma(_fma(_fma(_E5, f, _E4), f, _E3), f, _E2), f, _E1), f, _ONE)
    whole = np.float32(shifted)
    bits = np.int32(whole.view(np.int32) << _I(23))
    return series * bits.view(np.float32)


@_term
def _power(d, high, low):
    """2^x and x = d·(high + low), from x ≥ −127.4 on; 2^-127 is 0."""
    shifted = np.float32(_fma(d, high, _ROUND))
    n = shifted - _ROUND
    f = _fma(d, low, _fma(d, high, -n))
    return _raised(shifted, f), n + f


@_term
def _power_with_rest(d, rest, high, low):
    """2^x and x = (d + rest)·(high + low), as above."""
    shifted = np.float32(_fma(d, high, _ROUND))
    n = shifted - _ROUND
    f = _fma(rest, high, _fma(d, low, _fma(d, high, -n)))
    return _raised(shifted, f), n + f


def _widen(entry):
    """A logit as float32: itself, or of the 16 bits of a bfloat16."""


@overload(_widen)
def _widen_as_typed(entry):
    if entry == types.float32:
        return lambda entry: entry

    def bfloat16(entry):
        bits = np.uint32(_U(entry) << _U(16))
        return bits.view(np.float32)

    return bfloat16


def _power_below(entry, m, part, other_part, lowest, high, low):
    """2^x and x of a logit, where m = part + other_part, one of them 0, is the largest of its block."""


@overload(_power_below, jit_options={"fastmath": False})
def _power_below_as_typed(entry, m, part, other_part, lowest, high, low):
    if entry == types.float32:

        def with_rest(entry, m, part, other_part, lowest, high, low):
            z = entry if entry > lowest else lowest
            d = z - m
            rest = (z - (d + part)) - other_part
            return _power_with_rest(d, rest, high, low)

        return with_rest

    def of_eight_bits(entry, m, part, other_part, lowest, high, low):
        z = _widen(entry)  # z − m is exact, but for what is nothing beside m
        return _power((z if z > lowest else lowest) - m, high, low)

    return of_eight_bits


@register_jitable
def _parts(m, high):
    """m and 0, or 0 and m, see `_sums`."""
    return (m, _F(0)) if m * high > _LATE else (_F(0), m)


@_total
def _sums(block, m, lowest, high, low, guess):
    """Σ 2^x, Σ 2^x·y and Σ 2^x·y² for y = x + guess.

    What z − m loses in rounding is z − (d + m) where |m| ≥ |z|, else (z − d) − m (Dekker 1971). One form serves a
    block: the second for m below 4T, where only d < 8T is served worse, the first above it, where only d > 8T is.
    """
    part, other_part = _parts(m, high)
    mass, first, second = _F(0), _F(0), _F(0)
    for j in range(block.size):
        power, x = _power_below(block[j], m, part, other_part, lowest, high, low)
        y = x + guess
        weighted = power * y
        mass += power
        first += weighted
        second += weighted * y
    return mass, first, second


def _extremes(block, threshold):
    """The largest logit of a block; whether it holds NaN or +inf, and -inf; how many exceed the threshold."""


@overload(_extremes)
def _extremes_as_typed(block, threshold):
    if block.dtype == types.float32:

        def full(block, threshold):
            keys = block.view(np.int32)
            top, unsigned, above = _I(-0x80000000), _U(0), _I(0)
            for j in range(keys.size):
                top = max(top, keys[j])
                unsigned = max(unsigned, _U(keys[j]))
                above += _I(block[j] > threshold)
            if top < 0:
                top = _I(0x7FFFFFFF)
                for j in range(keys.size):
                    top = min(top, keys[j])
            bits = np.int32(top)
            bad = top >= _INFINITY_BITS or unsigned > _MASK_BITS
            return bits.view(np.float32), bad, unsigned == _MASK_BITS, above

        return full

    def half(block, threshold):  # all in lanes of 16 bits
        keys = block.view(np.int16)
        bits = np.float32(threshold + _F(0))  # −0 becomes 0
        bound = np.uint16(bits.view(np.uint32) >> _U(16))
        top, unsigned, above = np.int16(-0x8000), np.uint16(0), np.int16(0)
        if threshold >= 0:
            for j in range(keys.size):
                top = max(top, keys[j])
                unsigned = max(unsigned, block[j])
                above = np.int16(above + np.int16(keys[j] > np.int16(bound)))
        else:  # every positive logit is above, and of the negative those with fewer bits
            for j in range(keys.size):
                top = max(top, keys[j])
                unsigned = max(unsigned, block[j])
                above = np.int16(above + np.int16(block[j] < bound))
        if top < 0:
            top = np.int16(0x7FFF)
            for j in range(keys.size):
                top = min(top, keys[j])
        bad = top >= np.int16(0x7F80) or unsigned > np.uint16(0xFF80)
        return _widen(np.uint16(top)), bad, unsigned == np.uint16(0xFF80), _I(above)

    return half


@register_jitable
def _fault(row):
    """NaN where the row holds one, else +inf."""
    for j in range(row.size):
        z = _widen(row[j])
        if z != z:
            return np.nan
    return np.inf


@_total
def _count_above(block, threshold):
    above = _I(0)
    for j in range(block.size):
        above += _I(_widen(block[j]) > threshold)
    return above


@register_jitable
def _insert(block, offset, known, ids, values):
    """Let the entries of a block into the list of the largest, which has `known` yet; ties keep their order."""
    k = ids.size
    for start in range(0, block.size, 64):
        part = block[start : start + 64]
        if known == k and _count_above(part, values[k - 1]) == 0:
            continue
        for j in range(part.size):
            z = _widen(part[j])
            if known == k and not z > values[k - 1]:
                continue
            place = min(known, k - 1)
            known = min(known + 1, k)
            while place > 0 and values[place - 1] < z:
                values[place], ids[place] = values[place - 1], ids[place - 1]
                place -= 1
            values[place], ids[place] = z, offset + start + j
    return known


@register_jitable
def _lowered(block, m, scratch):
    """The block less its maximum, where that is too large for float32 to hold m − 88 T apart from it."""
    for j in range(block.size):
        d = _widen(block[j]) - m
        scratch[j] = d if d > _LOWEST else _LOWEST
    return scratch[: block.size]


@register_jitable
def _block_sums(block, m, scale, high, low, guess, scratch):
    """`_sums` of a block, in float64."""
    reach = np.float32(-127.0 / scale)
    mass, first, second = 0.0, 0.0, 0.0
    near = abs(np.float64(m)) * scale < _EXACT
    for i in range(0, block.size, _SUMMED):
        part = block[i : i + _SUMMED]
        if near:
            sums = _sums(part, m, np.float32(m + reach), high, low, guess)
        else:
            sums = _sums(_lowered(part, m, scratch), _F(0), reach, high, low, guess)
        mass += sums[0]
        first += sums[1]
        second += sums[2]
    return mass, first, second


@register_jitable
def _moments(row, scale, threshold, ids, values, scratch):
    """(highest, mass, mean, M2, above) of a row: mass and x relative to the highest; in units of log 2.

    `above` counts the logits above the threshold. A row at fault has a highest of NaN, +inf or -inf.
    """
    high = np.float32(scale)
    low = np.float32(scale - np.float64(high))
    highest, mass, mean, square, above = -np.inf, 0.0, 0.0, 0.0, 0
    known = 0
    for i in range(0, row.size, _BLOCK):
        block = row[i : i + _BLOCK]
        m, bad, _, more = _extremes(block, threshold)
        if bad:
            return _fault(row), 0.0, 0.0, 0.0, 0
        above += more
        if ids.size and (known < ids.size or m > values[ids.size - 1]):
            known = _insert(block, i, known, ids, values)
        if m == -np.inf:
            continue
        apart = (m - highest) * scale if mass > 0 else np.inf
        weight = np.exp2(-abs(apart))  # of the lower of the two in terms of the higher
        if mass > 0:
            guess = max(0.0, apart - mean)
        elif block.size > 2 * _SAMPLE:
            some, first, _ = _block_sums(block[:_SAMPLE], m, scale, high, low, _F(0), scratch)
            guess = -first / some if some > 0 else 0.0
        else:
            guess = 0.0
        while True:
            guess_32 = np.float32(guess)
            here, first, second = _block_sums(block, m, scale, high, low, guess_32, scratch)
            off = first / here
            share = here / (here + mass * weight) if apart > 0 else here * weight / (here * weight + mass)
            spread = second / here - off * off
            if not share * off * off > max(0.5, spread / 2):
                break
            guess = guess_32 - off
        mean_here, square_here = off - np.float64(guess_32), second - first * off
        if apart > 0:  # the highest so far: what came before is lowered to it
            mass, square, mean, highest = mass * weight, square * weight, mean - apart, np.float64(m)
        else:
            here, square_here, mean_here = here * weight, square_here * weight, mean_here + apart
        if mass > 0:
            delta = mean_here - mean
            joint = mass + here
            square += square_here + delta * delta * mass * here / joint
            mean += delta * here / joint
            mass = joint
        else:
            mass, mean, square = here, mean_here, square_here
    return highest, mass, mean, square, above


@cached_njit
def statistics_kernel(flat, stride, first, vocabulary, targets, scale, moments, ranks, ids, values):
    """moments (rows, 5): highest, mass, mean and M2 of x in units of log 2, target's logit; ranks (rows,).

    flat: memory in which row i begins at entry i·stride, float32 or the bits of bfloat16, read from row `first` on;
    scale: log₂e/T; targets (rows,) or (0,); ids and values (rows, k).
    """
    scratch = np.empty(_SUMMED, np.float32)
    for r in range(moments.shape[0]):
        begin = (first + r) * stride
        row = flat[begin : begin + vocabulary]
        threshold = np.float32(np.inf)
        if targets.size:
            threshold = _widen(row[targets[r]])
        highest, mass, mean, square, above = _moments(row, scale, threshold, ids[r], values[r], scratch)
        moments[r, 0], moments[r, 1], moments[r, 2], moments[r, 3] = highest, mass, mean, square
        moments[r, 4] = threshold
        ranks[r] = above


@_total
def _mass_sums(block, m, lowest, high, low):
    """Σ 2^x and Σ 2^x·x."""
    mass, first = _F(0), _F(0)
    for j in range(block.size):
        power, x = _power((block[j] if block[j] > lowest else lowest) - m, high, low)
        mass += power
        first += power * x
    return mass, first


@register_jitable
def _normaliser(row, scratch):
    """(highest, mass, mean, masked): as of `_moments`, at temperature 1; `masked` says whether any logit is -inf."""
    high = np.float32(_LOG2E)
    low = np.float32(_LOG2E - np.float64(high))
    reach = np.float32(-127.0 / _LOG2E)
    highest, mass, mean, masked = -np.inf, 0.0, 0.0, False
    for i in range(0, row.size, _BLOCK):
        block = row[i : i + _BLOCK]
        m, bad, some_masked, _ = _extremes(block, np.float32(np.inf))
        if bad:
            return _fault(row), 0.0, 0.0, False
        masked |= some_masked
        if m == -np.inf:
            continue
        here, first = 0.0, 0.0
        near = abs(np.float64(m)) * _LOG2E < _EXACT
        for j in range(0, block.size, _SUMMED):
            part = block[j : j + _SUMMED]
            if near:
                sums = _mass_sums(part, m, np.float32(m + reach), high, low)
            else:
                sums = _mass_sums(_lowered(part, m, scratch), _F(0), reach, high, low)
            here += sums[0]
            first += sums[1]
        apart = (m - highest) * _LOG2E if mass > 0 else np.inf
        if apart > 0:
            mass, mean, highest = mass * np.exp2(-apart), mean - apart, np.float64(m)
            apart = 0.0
        weight = np.exp2(apart)
        joint = mass + here * weight
        before = mass * mean if mass > 0 else 0.0
        mean = (before + (first + apart * here) * weight) / joint
        mass = joint
    return highest, mass, mean, masked


@_term
def _share_and_ratio(p, q, p_m, q_m, apart, p_share, q_share, reach, high, low):
    """The larger of p and q, and ln(q/p)."""
    p = p - p_m
    q = q - q_m
    p = p if p > _LOWEST else _LOWEST  # a mask: where both are masked their ratio is a number
    q = q if q > _LOWEST else _LOWEST
    ratio = (q - p) - apart
    p_larger = ratio <= 0
    d = p if p_larger else q
    return _power(d if d > reach else reach, high, low)[0] * (p_share if p_larger else q_share), ratio


@register_jitable(fastmath=False)
def _fill(p, q, p_m, q_m, apart, p_share, q_share, reach, high, low, most, ratio):
    for j in range(p.size):
        most[j], ratio[j] = _share_and_ratio(p[j], q[j], p_m, q_m, apart, p_share, q_share, reach, high, low)


@register_jitable(fastmath=False)
def _fill_terms(most, ratio, reach, high, low, forward, backward, difference, smaller):
    """Terms of KL(p‖q) and KL(q‖p), in nats, and of twice the total variation; and E.

    With P the larger of p and q, ρ = |ln(q/p)|, E = e^-ρ the ratio of the smaller to it, D = 1 − E, terms are

        KL(larger‖smaller)  P·(E − 1 + ρ)                     = P·ρ²·a(ρ)
        KL(smaller‖larger)  P·(1 − E − Eρ)                    = P·ρ²·(1 − (1+ρ)·a(ρ))
        2·JS                P·((1+E)(ln 2 − ln(1+E)) − Eρ)    = P·ρ²·k(ρ)

    by the left form where ρ is over ln(2)/2 and by the right, where nothing cancels, below it.
    """
    for j in range(most.size):
        forward[j], backward[j], difference[j], smaller[j] = _kl_terms(most[j], ratio[j], reach, high, low)


@_term
def _kl_terms(most, ratio, reach, high, low):
    p_larger = ratio <= 0
    minus = ratio if p_larger else -ratio
    rho = -minus
    E = _power(minus if minus > reach else reach, high, low)[0]
    near = rho < _NEAR
    series = _fma(_fma(_fma(_fma(_A4, rho, _A3), rho, _A2), rho, _A1), rho, _A0)
    square = rho * rho
    excess = square * series
    D = (rho - excess) if near else _ONE - E
    large = excess if near else (E - _ONE) + rho
    little = square * (_ONE - _fma(rho, series, series)) if near else _ONE - _fma(E, rho, E)
    return most * (large if p_larger else little), most * (little if p_larger else large), most * D, E


@register_jitable(fastmath=False)
def _fill_js(most, ratio, smaller, spread):
    """Terms of 2·JS, as above."""
    for j in range(most.size):
        spread[j] = most[j] * _js_term(ratio[j], smaller[j])


@_total
def _sum(terms):
    """In float64: in float32 equal terms would be rounded in one direction."""
    total = 0.0
    for j in range(terms.size):
        total += np.float64(terms[j])
    return total


@_term
def _js_term(ratio, E):
    rho = -ratio if ratio <= 0 else ratio
    near = rho < _NEAR
    k = _fma(_fma(_fma(_fma(_K4, rho, _K3), rho, _K2), rho, _K1), rho, _K0)
    psi = _fma(_fma(_fma(_fma(_fma(_fma(_P6, E, _P5), E, _P4), E, _P3), E, _P2), E, _P1), E, _P0)
    return rho * rho * k if near else psi - E * rho


@register_jitable
def _first_place(row, highest):
    for j in range(row.size):
        if row[j] == highest:
            return j
    return -1


@register_jitable
def _impossible(p, p_highest, q):
    """Whether q masks an entry that p does not."""
    for j in range(p.size):  # noqa: SIM110  Numba has no generators within any()
        if q[j] == -np.inf and p[j] - p_highest > _NOTHING:
            return True
    return False


@cached_njit
def pair_kernel(p_flat, p_stride, p_first, q_flat, q_stride, q_first, vocabulary, out):
    """out (rows, 11): highest, mass and mean of p, of q, KL both ways, JS, total variation, same top; float32 rows."""
    high = np.float32(_LOG2E)
    low = np.float32(_LOG2E - np.float64(high))
    reach = np.float32(-127.0 / _LOG2E)
    most, ratio = np.empty(_SUMMED, np.float32), np.empty(_SUMMED, np.float32)
    forward, backward = np.empty(_SUMMED, np.float32), np.empty(_SUMMED, np.float32)
    difference, smaller = np.empty(_SUMMED, np.float32), np.empty(_SUMMED, np.float32)
    for r in range(out.shape[0]):
        begin = (p_first + r) * p_stride
        p = p_flat[begin : begin + vocabulary]
        begin = (q_first + r) * q_stride
        q = q_flat[begin : begin + vocabulary]
        p_top, p_mass, p_mean, p_masked = _normaliser(p, most)
        q_top, q_mass, q_mean, q_masked = _normaliser(q, most)
        out[r, 0], out[r, 1], out[r, 2] = p_top, p_mass, p_mean
        out[r, 3], out[r, 4], out[r, 5] = q_top, q_mass, q_mean
        if not (np.isfinite(p_top) and np.isfinite(q_top)):
            continue
        p_share, q_share = np.float32(1 / p_mass), np.float32(1 / q_mass)
        p_m, q_m = np.float32(p_top), np.float32(q_top)
        apart = np.float32(math.log(q_mass) - math.log(p_mass))
        pq = qp = js = variation = 0.0
        for i in range((vocabulary - 1) // _SUMMED * _SUMMED, -1, -_SUMMED):  # what was read last is near
            p_part, q_part = p[i : i + _SUMMED], q[i : i + _SUMMED]
            some, ratios = most[: p_part.size], ratio[: p_part.size]
            _fill(p_part, q_part, p_m, q_m, apart, p_share, q_share, reach, high, low, some, ratios)
            n = some.size
            _fill_terms(some, ratios, reach, high, low, forward[:n], backward[:n], difference[:n], smaller[:n])
            pq += _sum(forward[:n])
            qp += _sum(backward[:n])
            variation += _sum(difference[:n])
            _fill_js(some, ratios, smaller[:n], forward[:n])
            js += _sum(forward[:n])
        if q_masked and _impossible(p, np.float32(p_top), q):
            pq = np.inf
        if p_masked and _impossible(q, np.float32(q_top), p):
            qp = np.inf
        out[r, 6], out[r, 7], out[r, 8], out[r, 9] = pq, qp, js / 2, variation / 2
        out[r, 10] = _first_place(p, p_top) == _first_place(q, q_top)
