"""The two Triton kernels: a row of logits a program, read once for `statistics`, twice for `compare`.

Every block of the row is reduced in float32 relative to its own maximum m_b, in units of log2:
x = (z − m_b)·log₂e/T, mass 2^x. Blocks are merged in float64, which is a handful of operations a block:
mass s, mean μ of x and the sum M2 of squared deviations, by the pairwise rule

    μ = μ_a + δ·s_b/s,    M2 = M2_a + M2_b + δ²·s_a·s_b/s,    δ = μ_b − μ_a

after a and b are brought to the larger maximum. Nothing is subtracted that is nearly equal: entropy is
ln s − μ, two numbers of one sign, and varentropy is M2/s, never a mean square minus a squared mean.

Float32 alone would lose what is asked for: z − m and its product with log₂e/T are each rounded by half a
unit in the last place, for a tail of equal logits all in one direction. `_powers` carries both remainders.

The divergences need both normalisers first, hence the second reading: with p, q and r = ln(q/p) a term of
KL(p‖q) is q − p − p·r = p·(eʳ − 1 − r) ≥ 0 (the q − p sum to zero), by its series where r is small, so no sum of
terms of either sign is left to cancel. JS is ½ Σ (p+q)·g((p−q)/(p+q)) with g(x) = x²/2 + x⁴/12 + x⁶/30 + ... ≥ 0.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
# Triton reads the annotation of an argument itself, and knows only its own.

import triton
import triton.language as tl


@triton.jit
def _powers(z, m, high, low, careful: tl.constexpr):
    """x = (z − m)·(high + low) and 2^x, with the roundings of both steps carried where `careful` (float32 logits)."""
    masked = z == float("-inf")
    z = tl.where(masked, m, z)
    d = z - m
    x = d * high
    rest = tl.fma(d, high, -x) + d * low
    if careful:
        back = d - z
        rest += ((z - (d - back)) - (m + back)) * high
    near = x > -150.0
    rest = tl.where(near, rest, 0.0)  # far below it may be NaN, and counts for nothing
    x = tl.maximum(x, -150.0)
    mass = tl.where(near & (masked == 0), tl.exp2(x) * (1.0 + rest * 0.6931471805599453), 0.0)
    return x + rest, mass


@triton.jit
def _read(start, i, vocabulary):
    """A block of a row in float32, NaN and +inf replaced by -inf; and the worst it holds: 0, 1 (+inf), 2 (NaN)."""
    z = tl.load(start + i, mask=i < vocabulary, other=float("-inf")).to(tl.float32)
    worst = tl.where(z != z, 2, tl.where(z == float("inf"), 1, 0))
    return tl.where(worst == 0, z, float("-inf")), tl.max(worst, axis=0)


@triton.jit
def _shift(m, to, factor):
    """What x gains and mass is multiplied by where the maximum moves from `m` up to `to`."""
    to = tl.where(to == float("-inf"), 0.0, to)
    x = tl.where(m == float("-inf"), 0.0, (m.to(tl.float64) - to.to(tl.float64)) * factor)
    return x, tl.exp2(tl.maximum(x, -1e4))


@triton.jit
def statistics_kernel(
    logits, targets, moments, ranks, rows, vocabulary, stride, high, low,
    HAS_TARGETS: tl.constexpr, CAREFUL: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """moments (5, rows) float64: maximum, mass, mean and M2 of x, the target's logit; ranks (rows,) int64."""
    row = tl.program_id(0).to(tl.int64)
    start = logits + row * stride
    factor = tl.full((), 0.0, tl.float64) + high + low
    m = tl.full((), float("-inf"), tl.float32)
    s = tl.full((), 0.0, tl.float64)
    mean = tl.full((), 0.0, tl.float64)
    square = tl.full((), 0.0, tl.float64)
    worst = tl.full((), 0, tl.int32)
    rank = tl.full((), 0, tl.int32)
    target_logit = tl.full((), 0.0, tl.float32)
    if HAS_TARGETS:
        target_logit = tl.load(start + tl.load(targets + row)).to(tl.float32)
    for begin in range(0, vocabulary, BLOCK):
        z, worst_here = _read(start, begin + tl.arange(0, BLOCK), vocabulary)
        worst = tl.maximum(worst, worst_here)
        top = tl.max(z, axis=0)
        x, mass = _powers(z, tl.where(top == float("-inf"), 0.0, top), high, low, CAREFUL)
        s_here = tl.sum(mass, axis=0)
        mean_here = tl.sum(mass * x, axis=0) / tl.maximum(s_here, 1e-30)
        off = x - mean_here
        square_here = tl.sum(mass * off * off, axis=0)
        if HAS_TARGETS:
            rank += tl.sum((z > target_logit).to(tl.int32), axis=0)
        joint = tl.maximum(m, top)
        gain, weight = _shift(m, joint, factor)
        gain_here, weight_here = _shift(top, joint, factor)
        s_a = s * weight
        s_b = s_here.to(tl.float64) * weight_here
        s = s_a + s_b
        share = s_b / tl.maximum(s, 1e-300)
        delta = tl.where(s_b > 0, mean_here.to(tl.float64) + gain_here - mean - gain, 0.0)
        delta = tl.where(s_a > 0, delta, 0.0)
        square = square * weight + square_here.to(tl.float64) * weight_here + delta * delta * s_a * share
        mean = tl.where(s_a > 0, mean + gain + delta * share, mean_here.to(tl.float64))
        m = joint
    m = tl.where(worst == 2, float("nan"), tl.where(worst == 1, float("inf"), m))
    tl.store(moments + row, m.to(tl.float64))
    tl.store(moments + rows + row, s)
    tl.store(moments + 2 * rows + row, mean)
    tl.store(moments + 3 * rows + row, square)
    tl.store(moments + 4 * rows + row, target_logit.to(tl.float64))
    tl.store(ranks + row, rank.to(tl.int64))


@triton.jit
def _normaliser(start, vocabulary, high, low, careful: tl.constexpr, BLOCK: tl.constexpr):
    """Maximum (NaN, +inf and -inf where the row is at fault), its first place, and the mass relative to it."""
    m = tl.full((), float("-inf"), tl.float32)
    s = tl.full((), 0.0, tl.float64)
    worst = tl.full((), 0, tl.int32)
    place = tl.full((), 0, tl.int32)
    factor = tl.full((), 0.0, tl.float64) + high + low
    for begin in range(0, vocabulary, BLOCK):
        z, worst_here = _read(start, begin + tl.arange(0, BLOCK), vocabulary)
        worst = tl.maximum(worst, worst_here)
        top, here = tl.max(z, axis=0, return_indices=True, return_indices_tie_break_left=True)
        _, mass = _powers(z, tl.where(top == float("-inf"), 0.0, top), high, low, careful)
        joint = tl.maximum(m, top)
        _, weight = _shift(m, joint, factor)
        _, weight_here = _shift(top, joint, factor)
        s = s * weight + tl.sum(mass, axis=0).to(tl.float64) * weight_here
        place = tl.where(top > m, begin + here, place)
        m = joint
    return m, worst, place, s


@triton.jit
def _faulty(m, worst):
    return tl.where(worst == 2, float("nan"), tl.where(worst == 1, float("inf"), m)).to(tl.float64)


@triton.jit
def _excess(r, p, q):
    """q − p − p·r = p·(eʳ − 1 − r) for r = ln(q/p)."""
    series = r * r * (0.5 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * (1 / 5040 + r / 40320))))))
    return tl.where(tl.abs(r) < 0.5, p * series, tl.maximum(q - p - p * r, 0.0))


@triton.jit
def _spread(p, q):
    """(p+q)·g(x) with x = (p−q)/(p+q) and 2g = (1+x) ln(1+x) + (1−x) ln(1−x)."""
    both = p + q
    half = tl.maximum(both * 0.5, 1e-37)
    most = tl.maximum(p, q) / half
    least = tl.minimum(p, q) / half
    y = (p - q) / (2.0 * half)
    y = y * y
    series = y * (0.5 + y * (1 / 12 + y * (1 / 30 + y * (1 / 56 + y * (1 / 90)))))
    logs = most * tl.log(tl.maximum(most, 1e-37)) + least * tl.log(tl.maximum(least, 1e-37))
    return both * tl.where(y < 0.09, series, 0.5 * logs)


@triton.jit
def pair_kernel(
    p_logits, q_logits, targets, results, rows, vocabulary, p_stride, q_stride,
    high, low,
    HAS_TARGETS: tl.constexpr, P_CAREFUL: tl.constexpr, Q_CAREFUL: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """results (10, rows) float64: maxima of p and q (they name a faulty row), then the fields of `PairStatistics`."""
    row = tl.program_id(0).to(tl.int64)
    p_start = p_logits + row * p_stride
    q_start = q_logits + row * q_stride
    p_m, p_worst, p_place, p_s = _normaliser(p_start, vocabulary, high, low, P_CAREFUL, BLOCK)
    q_m, q_worst, q_place, q_s = _normaliser(q_start, vocabulary, high, low, Q_CAREFUL, BLOCK)
    tl.store(results + row, _faulty(p_m, p_worst))
    tl.store(results + rows + row, _faulty(q_m, q_worst))
    p_m = tl.where(p_m == float("-inf"), 0.0, p_m)
    q_m = tl.where(q_m == float("-inf"), 0.0, q_m)
    # The mass relative to the maximum is 1 or more wherever the row is a distribution.
    p_log = tl.log(tl.maximum(p_s, 1.0))
    q_log = tl.log(tl.maximum(q_s, 1.0))
    p_share = (1.0 / tl.maximum(p_s, 1.0)).to(tl.float32)
    q_share = (1.0 / tl.maximum(q_s, 1.0)).to(tl.float32)
    apart = (q_log - p_log).to(tl.float32)
    q_log_32 = q_log.to(tl.float32)
    pq = tl.full((), 0.0, tl.float64)
    qp = tl.full((), 0.0, tl.float64)
    js = tl.full((), 0.0, tl.float64)
    cross = tl.full((), 0.0, tl.float64)
    variation = tl.full((), 0.0, tl.float64)
    for begin in range(0, vocabulary, BLOCK):
        i = begin + tl.arange(0, BLOCK)
        zp, _ = _read(p_start, i, vocabulary)
        zq, _ = _read(q_start, i, vocabulary)
        _, p_mass = _powers(zp, p_m, high, low, P_CAREFUL)
        _, q_mass = _powers(zq, q_m, high, low, Q_CAREFUL)
        p = p_mass * p_share
        q = q_mass * q_share
        p_live = zp > float("-inf")
        q_live = zq > float("-inf")
        both = p_live & q_live
        dp = tl.where(p_live, tl.maximum(zp - p_m, -3e38), 0.0)
        dq = tl.where(q_live, tl.maximum(zq - q_m, -3e38), 0.0)
        r = tl.where(both, (dq - dp) - apart, 0.0)
        # q where p has nothing and the reverse; infinite where p has something and q nothing; 0 where both are masked.
        only_p = tl.where(p_live, float("inf"), q)
        only_q = tl.where(q_live, float("inf"), p)
        pq += tl.sum(tl.where(both, _excess(r, p, q), tl.where(p_live | q_live, only_p, 0.0)), axis=0).to(tl.float64)
        qp += tl.sum(tl.where(both, _excess(-r, q, p), tl.where(p_live | q_live, only_q, 0.0)), axis=0).to(tl.float64)
        js += tl.sum(_spread(p, q), axis=0).to(tl.float64)
        lost = tl.where(p_live & (zq == float("-inf")), float("inf"), p_mass * (q_log_32 - dq))
        cross += tl.sum(lost, axis=0).to(tl.float64)
        variation += tl.sum(tl.abs(p - q), axis=0).to(tl.float64)
    tl.store(results + 2 * rows + row, pq)
    tl.store(results + 3 * rows + row, qp)
    tl.store(results + 4 * rows + row, 0.5 * js)
    tl.store(results + 5 * rows + row, cross / tl.maximum(p_s, 1.0))
    tl.store(results + 6 * rows + row, (p_place == q_place).to(tl.float64))
    tl.store(results + 7 * rows + row, 0.5 * variation)
    if HAS_TARGETS:
        target = tl.load(targets + row)
        p_z = tl.load(p_start + target).to(tl.float64)
        q_z = tl.load(q_start + target).to(tl.float64)
        tl.store(results + 8 * rows + row, p_log - (p_z - p_m.to(tl.float64)))
        tl.store(results + 9 * rows + row, q_log - (q_z - q_m.to(tl.float64)))
