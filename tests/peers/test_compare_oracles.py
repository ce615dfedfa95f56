"""`logits.compare` against mpmath (50 digits), SciPy and torch, on the same rounded logits.

The promise: |error| ≤ 1e-6·max(1, |value|), whatever the dtype, relation and masks; KL and JS are at least 0 and 0 for
a row beside itself.
"""

import math

import mpmath
import numpy as np
import pytest
import torch
from scipy import special
from scipy.spatial.distance import jensenshannon

from campaigns import campaign
from certificates import certifies
from entropist.errors import InputError
from entropist.logits import _compiling, compare, compile_kernels
from peers.test_statistics_oracles import KINDS, NUMPY_DTYPES, TORCH_DTYPES, as_torch, assert_kept

pytestmark = certifies("logit_statistics")

FIELDS = ("kl_pq", "kl_qp", "js", "cross_entropy_pq", "total_variation", "surprisal_p", "surprisal_q")


@pytest.fixture(autouse=True, params=["kernels", "plain"])
def path(request, monkeypatch):
    compile_kernels()
    if request.param == "plain":
        monkeypatch.setattr(_compiling, "is_ready", lambda kind: False)
    return request.param


def same(g, p):
    return p


def near(g, p):
    return p + g.normal(0, 0.01, p.shape)


def shifted(g, p):
    return p + 3.7


def quantized(g, p):
    return np.where(np.isfinite(p), np.round(np.where(np.isfinite(p), p, 0) * 4) / 4, p)


def sharper(g, p):
    return 2.5 * p


def unrelated(g, p):
    return np.where(np.isfinite(p), g.normal(0, 5, p.shape), p)


def masked_elsewhere(g, p):
    q = np.where(g.random(p.shape) < 0.3, -np.inf, g.normal(0, 2, p.shape))
    q[..., g.integers(p.shape[-1])] = 1.5
    return q


RELATIONS = [same, near, shifted, quantized, sharper, unrelated, masked_elsewhere]


def exact(p_row, q_row, target):
    """The seven numbers of a pair of rows at 50 digits."""
    with mpmath.workdps(50):
        rows = []
        for row in (p_row, q_row):
            z = [mpmath.mpf(float(x)) if math.isfinite(x) else None for x in row]
            total = mpmath.log(mpmath.fsum(mpmath.exp(x) for x in z if x is not None))
            rows.append([None if x is None else x - total for x in z])
        p_log, q_log = rows
        p, q = ([mpmath.mpf(0) if x is None else mpmath.exp(x) for x in row] for row in rows)

        def cost(weights, logs):
            if any(w > 0 and x is None for w, x in zip(weights, logs)):
                return mpmath.inf
            return -mpmath.fsum(w * x for w, x in zip(weights, logs) if w > 0)

        middle = [None if a + b == 0 else mpmath.log((a + b) / 2) for a, b in zip(p, q)]
        h_p, h_q, p_to_q, q_to_p = cost(p, p_log), cost(q, q_log), cost(p, q_log), cost(q, p_log)
        js = (cost(p, middle) + cost(q, middle) - h_p - h_q) / 2
        variation = mpmath.fsum(abs(a - b) for a, b in zip(p, q)) / 2
        surprisals = [mpmath.inf if logs[target] is None else -logs[target] for logs in (p_log, q_log)]
        return [float(x) for x in (p_to_q - h_p, q_to_p - h_q, js, p_to_q, variation, *surprisals)]


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.__name__)
@pytest.mark.parametrize("dtype", [*NUMPY_DTYPES, *TORCH_DTYPES], ids=str)
def test_against_fifty_digits(path, relation, dtype, record_property):
    # The plain path reads half precision as float64 too, which the other cases test at length.
    repeated = path == "plain" and "64" not in str(dtype) and "float32" not in str(dtype)
    generator, worst = np.random.default_rng([RELATIONS.index(relation), 7]), 0.0
    for case in range(campaign(20 if repeated else 200)):
        vocabulary = int(generator.choice([1, 2, 3, 7, 31, 101, 257]))
        p = KINDS[case % len(KINDS)](generator, (2, vocabulary))
        q = relation(generator, p)
        with np.errstate(over="ignore"):
            p_logits, q_logits = (
                as_torch(z, dtype) if isinstance(dtype, torch.dtype) else z.astype(dtype) for z in (p, q)
            )
        p_z, q_z = (torch.as_tensor(z).double().numpy() for z in (p_logits, q_logits))
        targets = generator.integers(0, vocabulary, 2)
        if not (np.isfinite(p_z.max(-1)).all() and np.isfinite(q_z.max(-1)).all()):
            continue  # float16 holds no 150 000
        found = compare(p_logits, q_logits, targets)
        expected = np.array([exact(*rows) for rows in zip(p_z, q_z, targets.tolist())]).T
        for name, values in zip(FIELDS, expected):
            worst = max(worst, assert_kept(getattr(found, name), values, (name, vocabulary)))
        assert np.asarray(found.same_top).tolist() == (p_z.argmax(-1) == q_z.argmax(-1)).tolist()
        for name in ("kl_pq", "kl_qp", "js", "total_variation"):
            value = np.asarray(getattr(found, name))
            assert (value >= 0).all()
            assert relation is not same or not value.any(), name
    record_property("worst_error_over_max_1_value", worst)


@pytest.mark.parametrize("vocabulary", [1, 2, 997, 50257, 131071, 262144])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_against_scipy_and_torch_in_float64(path, vocabulary, dtype):
    generator = np.random.default_rng([vocabulary, TORCH_DTYPES.index(dtype)])
    small = vocabulary < 1000
    for i, relation in enumerate(RELATIONS[:6]):
        first = vocabulary + i
        for kind in KINDS if small else [KINDS[first % len(KINDS)]]:
            p = kind(generator, (2, vocabulary))
            p_logits, q_logits = (as_torch(z, dtype) for z in (p, relation(generator, p)))
            p_z, q_z = p_logits.double(), q_logits.double()
            if not bool(q_z.amax(-1).isfinite().all()):
                continue  # float16 holds no 150 000
            found = compare(p_logits, q_logits)
            logp, logq = p_z.log_softmax(-1), q_z.log_softmax(-1)
            # A masked entry is one in both, by these relations, and torch has no 0·(−inf): it gets a finite stand-in.
            safe_p, safe_q = (each.masked_fill(each == -torch.inf, -1e5) for each in (logp, logq))
            assert_kept(
                found.kl_pq,
                torch.nn.functional.kl_div(safe_q, safe_p, reduction="none", log_target=True).sum(-1),
                relation,
            )
            assert_kept(
                found.kl_qp,
                torch.nn.functional.kl_div(safe_p, safe_q, reduction="none", log_target=True).sum(-1),
                relation,
            )
            P, Q = logp.exp().numpy(), logq.exp().numpy()
            assert_kept(found.total_variation, np.abs(P - Q).sum(-1) / 2, relation)
            assert_kept(found.cross_entropy_pq, special.entr(P).sum(-1) + found.kl_pq.numpy(), relation)
            with np.errstate(invalid="ignore"):  # SciPy takes the root of what may be −1e-17
                root = jensenshannon(P, Q, axis=-1)
            assert_kept(found.js, np.nan_to_num(root) ** 2, relation)


def test_a_tail_of_equal_logits_is_not_rounded_away():
    """Where every rounding goes the same way: one logit above many equal ones, in both, at distances of all kinds."""
    generator = np.random.default_rng(4)
    for _ in range(campaign(400, least=40)):
        vocabulary = int(generator.choice([100, 2049, 20000]))
        tops = generator.normal(0, 5, 2)
        share = generator.uniform(0.01, 0.99, 2)
        distance = np.log((vocabulary - 1) * (1 - share) / share)
        p, q = (np.full((1, vocabulary), top - d, np.float32) for top, d in zip(tops, distance))
        p[0, 3] = tops[0]
        q[0, generator.choice([3, 50])] = tops[1]
        found = compare(p, q)
        logp, logq = (special.log_softmax(z.astype(np.float64), axis=-1) for z in (p, q))
        assert_kept(found.kl_pq, (np.exp(logp) * (logp - logq)).sum(-1), "kl_pq")
        assert_kept(found.kl_qp, (np.exp(logq) * (logq - logp)).sum(-1), "kl_qp")
        assert_kept(found.total_variation, np.abs(np.exp(logp) - np.exp(logq)).sum(-1) / 2, "total variation")
        assert_kept(found.js, jensenshannon(np.exp(logp), np.exp(logq), axis=-1) ** 2, "js")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_one_masks(dtype):
    p, q = np.array([[0.0, 1, 2, -np.inf]], dtype), np.array([[0.0, -np.inf, 2, -np.inf]], dtype)
    found = compare(p, q, [1])
    assert found.kl_pq[0] == found.cross_entropy_pq[0] == found.surprisal_q[0] == np.inf
    assert np.isfinite([found.kl_qp[0], found.js[0], found.surprisal_p[0]]).all()
    lowest = np.finfo(dtype).min
    p[0, 3], q[0, 3] = lowest, -np.inf
    assert compare(q, p).kl_pq[0] == found.kl_qp[0], "a mask beside the lowest finite number, another mask"


def test_half_precision_beside_float32():
    p, q = torch.randn(3, 400), torch.randn(3, 400).bfloat16()
    found, plain = compare(p, q), compare(p.double(), q.double())
    for name in FIELDS[:5]:
        assert_kept(getattr(found, name), getattr(plain, name), name)


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (0,), (2, 0)])
def test_any_leading_shape(make, dtype, shape):
    z = np.random.default_rng(0).normal(size=(2, *shape, 13)).astype(dtype)
    found = compare(make(z[0]), make(z[1]), np.zeros(shape, np.int64))
    for name in (*FIELDS, "same_top"):
        value = np.asarray(getattr(found, name))
        assert value.shape == shape
        assert value.dtype == (np.bool_ if name == "same_top" else np.float64)
    assert compare(make(z[0]), make(z[1])).surprisal_p is None


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bad", [math.nan, -math.nan, math.inf])
@pytest.mark.parametrize("column", [0, 2500, 4999])
@pytest.mark.parametrize("side", ["p_logits", "q_logits"])
def test_a_bad_row_is_named(dtype, bad, column, side):
    z = np.random.default_rng(0).normal(size=(3, 5000)).astype(dtype)
    worse = z.copy()
    worse[1, column] = math.copysign(bad, math.copysign(1, bad))
    what = "NaN" if math.isnan(bad) else r"\+inf"
    with pytest.raises(InputError, match=f"{side} row 1 contains {what}"):
        compare(*((worse, z) if side == "p_logits" else (z, worse)))


@pytest.mark.parametrize(
    ("p", "q", "targets", "message"),
    [
        (np.zeros((2, 5)), np.zeros((2, 6)), None, "p_logits have a vocabulary of 5 and q_logits one of 6"),
        (np.zeros((2, 5)), np.zeros((3, 5)), None, r"p_logits have the rows \(2,\) and q_logits \(3,\)"),
        (np.zeros((2, 5)), torch.zeros(2, 5), None, "different libraries"),
        (np.zeros((2, 5)), [[0.0] * 5] * 2, None, "q_logits must be an array of NumPy or torch; given list"),
        (np.zeros((2, 0)), np.zeros((2, 0)), None, r"p_logits must be \(..., vocabulary\) with a vocabulary"),
        (np.zeros((2, 5)), np.zeros((2, 5)), [0, 5], "row 1 has the target 5, which is no token of a vocabulary of 5"),
        (np.full((2, 5), -np.inf), np.zeros((2, 5)), None, "p_logits row 0 contains nothing but -inf"),
    ],
)
def test_what_is_refused(p, q, targets, message):
    with pytest.raises(InputError, match=message):
        compare(p, q, targets)
