"""`generate`: its record agrees with a trace of the same text, same seed same text, and every way to end."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest

import entropist as en
from entropist.decoding import (
    THRESHOLDS,
    Abstain,
    Abstention,
    Adaptive,
    Branch,
    Cue,
    Draw,
    Generation,
    Greedy,
    InverseRoot,
    Linear,
    Rule,
    Thresholds,
    chain,
    generate,
    stream,
)
from entropist.decoding._row import Row
from entropist.errors import FileError, InputError

PROMPT = "It was the best of"


@pytest.fixture(scope="module")
def model():
    return en.load_model("builtin:base")


def test_the_record_is_the_trace_of_the_text(model):
    found = generate(PROMPT, model=model, sampler="min_p=0.02", max_tokens=40, seed=3)
    assert found.trace.text_bytes().decode() == PROMPT + found.text
    ids = np.concatenate([[model.bos_id], found.trace.column("token_id")]).astype(np.int32)
    prompt = len(model.tokenize(PROMPT))
    (logits,) = list(model.logits(ids[:-1], start=prompt))
    held = en.logits.statistics(logits, ids[prompt + 1 :].astype(np.int64))
    rows = found.trace.scored
    assert rows.tolist() == [False] * prompt + [True] * 40
    for name in ("surprisal", "entropy", "varentropy", "max_logprob"):
        np.testing.assert_allclose(found.trace.column(name)[rows], np.asarray(getattr(held, name)), atol=1e-4)
    np.testing.assert_array_equal(found.trace.column("rank")[rows], np.asarray(held.rank))
    assert found.trace.metadata.protocol.name == "generated"


def test_the_steps_say_what_the_chain_left(model):
    found = generate(PROMPT, model=model, sampler="top_k=5,temperature=0.5", max_tokens=20, seed=1)
    steps = found.steps.to_pydict()
    ids = np.concatenate([[model.bos_id], found.trace.column("token_id")]).astype(np.int32)
    prompt = len(model.tokenize(PROMPT))
    (logits,) = list(model.logits(ids[:-1], start=prompt))
    for t, row in enumerate(np.asarray(logits, np.float64)):
        logp = row - np.log(np.exp(row - row.max()).sum()) - row.max()
        top = np.sort(logp)[-5:]
        left = np.exp(top / 0.5) / np.exp(top / 0.5).sum()
        assert steps["kept"][t] == 5
        assert steps["kept_mass"][t] == pytest.approx(np.exp(top).sum(), abs=1e-4)
        assert steps["kept_entropy"][t] == pytest.approx(-(left * np.log(left)).sum(), abs=1e-4)
        chosen = logp[steps["token_id"][t]]
        assert steps["logprob"][t] == pytest.approx(chosen, abs=1e-4)
        assert steps["kept_logprob"][t] == pytest.approx(chosen / 0.5 - np.log(np.exp(top / 0.5).sum()), abs=1e-3)


def test_same_seed_same_text_and_samples_differ(model):
    texts = [generate(PROMPT, model=model, max_tokens=20, samples=3, seed=seed).texts for seed in (4, 4, 5)]
    assert texts[0] == texts[1]
    assert len({*texts[0], *texts[2]}) == 6
    alone = generate(PROMPT, model=model, max_tokens=20, seed=4).text
    assert alone == texts[0][0]  # the first of many is the one that comes alone


def test_samples_are_documents_of_one_trace(model):
    found = generate(PROMPT, model=model, max_tokens=8, samples=3, seed=2)
    assert len(found) == 3
    assert found.trace.column("document").max() == 2
    for number, text in enumerate(found.texts):
        one = found.sample(number)
        assert one.text_bytes().decode("utf-8", "replace") == PROMPT + text
        assert set(one.column("document")) == {0}
        assert len(found.token_ids[number]) == 8
    with pytest.raises(InputError, match="there is no sample 3"):
        found.sample(3)


@pytest.mark.parametrize("ending", ["parquet", "arrow", "jsonl"])
def test_files_keep_all(model, tmp_path, ending):
    found = generate(PROMPT, model=model, sampler=Adaptive("entropix-v1"), max_tokens=12, samples=2)
    path = found.save(tmp_path / f"a.{ending}")
    read = Generation.load(path)
    assert read.trace == found.trace
    assert read.chain.equals(found.chain)
    assert read.settings == found.settings
    assert read.texts == found.texts


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileError, match="must end in one of them"):
        generate(PROMPT, save=tmp_path / "a.txt")
    for ending in ("parquet", "arrow", "jsonl"):
        (tmp_path / f"a.{ending}").write_bytes(b"no")
        with pytest.raises(FileError):
            Generation.load(tmp_path / f"a.{ending}")
        with pytest.raises(FileError):
            Generation.load(tmp_path / f"none.{ending}")
    with pytest.raises(FileError, match="holds no generation"):
        Generation.from_arrow(pa.table({"a": [1]}))


def test_ctrl_c_leaves_the_record_of_what_had_come(model, tmp_path):
    seen = []

    def stop_at_five(step):
        seen.append(step)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(PROMPT, model=model, max_tokens=50, seed=9, on_token=stop_at_five, save=tmp_path / "a.jsonl")
    read = Generation.load(tmp_path / "a.jsonl")
    assert read.settings.stopped == ("interrupted",)
    assert read.text == generate(PROMPT, model=model, max_tokens=5, seed=9).text


def test_a_loop_that_was_left_can_be_taken_up_again(model):
    going = stream(PROMPT, model=model, max_tokens=12, samples=2, seed=4)
    seen = []
    for step in going:
        seen.append(step)
        if len(seen) == 5:
            break
    seen += list(going)
    assert list(going) == [], "a generation that has ended gives nothing more"
    found, whole = going.generation(), generate(PROMPT, model=model, max_tokens=12, samples=2, seed=4)
    assert found.token_ids == whole.token_ids
    assert [step.token for step in seen if step.sample == 0] == list(whole.token_ids[0])
    assert found.settings == whole.settings


def test_nothing_generated_is_a_record_too(model):
    found = stream(PROMPT, model=model).generation()
    assert found.text == ""
    assert found.steps.num_rows == 0
    assert found.settings.stopped == ("interrupted",)


def test_an_end_token_has_no_bytes(model):
    class Ends:
        """Draws the end token at the third step of the second sample."""

        def start(self, seed=0, previous=()):
            self.count = getattr(self, "count", -1) + 1
            return _Forced([270, 271, 1] if self.count == 1 else [270] * 5)

    found = generate(PROMPT, model=model, sampler=Ends(), samples=2, max_tokens=5)
    assert found.settings.stopped == ("length", "end")
    assert found.token_ids == ((270,) * 5, (270, 271, 1))
    assert found.texts[1] == " the s"
    assert found.sample(1).text_bytes() == b"It was the best of the s"


class _Forced:
    def __init__(self, tokens):
        self._tokens = tokens

    def accept(self, ids):
        pass

    def choose(self, logits):
        return Row(logits).chosen(self._tokens.pop(0), None)


def test_stop_texts_may_span_tokens_and_stay(model):
    class Start:
        def start(self, seed=0, previous=()):
            return _Forced([270, 271, 2065, 270, 270])  # " the", " s", "ize"

    found = generate(PROMPT, model=model, sampler=Start(), max_tokens=5, stop=["never", "e siz"])
    assert found.text == " the size"
    assert found.settings.stopped == ("stop",)


def test_the_window_slides_and_says_so(model):
    found = generate(PROMPT, model=model, max_tokens=30, window=16, seed=1)
    assert found.settings.slides > 0
    seen = found.steps["seen"].to_pylist()
    assert max(seen) == 16
    assert min(seen[8:]) == 9
    assert found.trace.metadata.protocol.window == 16


def test_an_empty_prompt_begins_after_bos(model):
    found = generate("", model=model, max_tokens=5)
    assert len(found.trace) == 5
    assert found.trace.scored.all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 0}, "must be 1 or more"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"stop": ""}, "a character at least"),
        ({"sampler": "hotness=3"}, "there is no sampler"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(InputError, match=message):
        generate(PROMPT, **options)


def test_bits_come_out_as_bits(model):
    found = generate(PROMPT, model=model, max_tokens=3)
    nats, bits = (json.loads(found.to_json(unit=unit)) for unit in ("nats", "bits"))
    assert bits["chain"]["kept_entropy"][-1] == pytest.approx(nats["chain"]["kept_entropy"][-1] / math.log(2))
    assert bits["texts"] == [found.text]


# Adaptive decoding


FORKED = np.where(np.isin(np.arange(64), (3, 4)), 4.5, 0.0)
"""Two likely tokens before a long tail."""


@pytest.mark.parametrize("name", THRESHOLDS)
def test_rules_fire_where_their_numbers_say(name):
    rules = THRESHOLDS[name]
    size = math.log(2) if rules.unit == "bits" else 1.0
    for rule in rules.rules:
        h = min(max(rule.entropy[0], 0.0) + 1e-6, rule.entropy[1]) if rule.entropy[0] > 0 else rule.entropy[1] - 1e-6
        v = rule.varentropy[0] + 1e-6 if rule.varentropy[0] > 0 else rule.varentropy[1] - 1e-6
        found = rules.rule(entropy=h * size, varentropy=v * size**2)
        assert found == next(each for each in rules.rules if each.fires(h, v))
        assert rules.rule(entropy=h * size, varentropy=v * size**2).name != "otherwise"
    middle = {"entropix-v1": (3, 3), "entropix-v2": (1.5, 0.8), "entropix-v3": (1, 2), "abstain": (1, 2)}[name]
    reached = rules.rule(entropy=middle[0] * size, varentropy=middle[1] * size**2)
    assert (reached.name, reached.action) == ("otherwise", rules.otherwise)


def test_published_thresholds():
    """Numbers of entropix at cceeb84, 9d41be6 and its last version, as its sources give them."""
    ends = {name: [(rule.entropy, rule.varentropy) for rule in each.rules] for name, each in THRESHOLDS.items()}
    inf = math.inf
    assert [THRESHOLDS[f"entropix-v{i}"].unit for i in (1, 2, 3)] == ["bits", "bits", "nats"]
    assert ends["entropix-v1"] == [
        ((-inf, 0.1), (-inf, 0.1)), ((5, inf), (-inf, 0.1)), ((-inf, 5), (5, inf)), ((3, inf), (5, inf)),
    ]  # fmt: skip
    assert ends["entropix-v2"] == [
        ((-inf, 0.8), (-inf, 0.4)), ((2.5, inf), (-inf, 0.4)), ((-inf, 2.5), (1.2, inf)), ((1.7, inf), (1.2, inf)),
    ]  # fmt: skip
    assert ends["entropix-v3"] == ends["abstain"] == [
        ((-inf, 0.3), (-inf, 1.2)), ((2.5, inf), (-inf, 1.2)), ((-inf, 2.5), (2.5, inf)), ((1.2, inf), (2.5, inf)),
    ]  # fmt: skip


def test_temperatures_that_follow_the_entropy():
    v1 = THRESHOLDS["entropix-v1"].otherwise.draw
    assert v1.temperature.at(3.0, 2.0) == pytest.approx(0.666 * (1 + 0.3 * 5))
    assert v1.min_p.at(3.0, 2.0) == 0.01
    assert v1.min_p.at(0.2, 0.2) == pytest.approx(0.03 * 0.8)
    v2 = THRESHOLDS["entropix-v2"].otherwise.temperature
    assert v2.at(2.0, 0.0) == pytest.approx(0.8 * math.sqrt((1.2 * 2 + 2) / 2))
    assert InverseRoot(0.8, 1.2, 2.0, 0.1, 2.0).at(0.0, 0.0) == 2.0
    assert Linear(1.0, high=0.5).at(9, 9) == 0.5


def test_each_action_and_its_reason(model):
    def one(action):
        decoder = Adaptive(Thresholds("own", "nats", (Rule("any", action),), Greedy())).start(seed=1)
        return decoder.choose(FORKED)

    greedy = one(Greedy())
    assert (greedy.token, greedy.rule, greedy.kept) == (3, "any", 1), "nothing else could come"
    assert (greedy.kept_entropy, greedy.kept_logprob) == (0, 0)
    assert greedy.kept_mass == pytest.approx(math.exp(greedy.logprob))
    drawn = one(Draw(temperature=0.1, top_k=2))
    assert drawn.token in (3, 4)
    assert drawn.kept == 2
    assert drawn.kept_entropy == pytest.approx(math.log(2))
    assert "drew at temperature 0.1, top_k 2" in drawn.reason
    branched = one(Branch(Draw(), branches=50))
    assert branched.token in (3, 4)  # the best of fifty draws is surely one of the two
    assert "the best of 50 branches" in branched.reason
    cue = one(Cue(then=Draw(top_k=1)))
    assert "no tokenizer at hand" in cue.reason
    with pytest.raises(Abstention, match=r"any \(H = .* nats, V = .* nats²\): no idea"):
        one(Abstain("no idea"))


def always(action):
    return Thresholds("own", "nats", (Rule("any", action),), Greedy())


def test_a_cue_is_put_in_once_and_then_a_token_is_drawn(model):
    found = generate(
        PROMPT, model=model, sampler=Adaptive(always(Cue(then=Draw(top_k=1), pause=2)), cue=" Wait,"), max_tokens=12
    )
    cue = model.tokenize(" Wait,").ids.tolist()
    ids = list(found.token_ids[0])
    assert ids[: len(cue)] == cue
    assert ids[len(cue) + 2 : 2 * len(cue) + 2] == cue
    reasons = found.steps["reason"].to_pylist()
    assert "put in ' Wait,'" in reasons[0]
    assert "just after a cue" in reasons[len(cue)]
    assert found.steps["kept"].to_pylist()[: len(cue)] == [1] * len(cue)
    assert found.steps["kept_logprob"].to_pylist()[0] == 0
    assert found.steps["logprob"].to_pylist()[0] < 0


def test_an_abstention_ends_the_sample_with_its_reason(model):
    rules = Thresholds("own", "nats", (Rule("unsure", Abstain("too many ways on"), entropy=(5.0, math.inf)),), Greedy())
    found = generate(PROMPT, model=model, sampler=Adaptive(rules), max_tokens=50)
    entropies = found.steps["entropy"].to_pylist()
    assert all(h <= 5 for h in entropies)
    assert len(entropies) < 50
    assert found.settings.stopped[0].startswith("abstained: unsure (H = ")
    assert found.settings.stopped[0].endswith("too many ways on")


def test_the_branch_kept_has_the_best_mean_logprob(model):
    """Seen from outside: with enough branches of two greedy-proof tokens, the best pair by enumeration is kept."""
    rules = always(Branch(Draw(top_k=3), branches=120, tokens=2))
    found = generate(PROMPT, model=model, sampler=Adaptive(rules), max_tokens=2, seed=0)
    lead = [model.bos_id, *model.tokenize(PROMPT).ids.tolist()]

    def logp(ids):
        (block,) = list(model.logits(np.array(ids, np.int32), start=len(ids) - 1))
        row = np.asarray(block, np.float64)[0]
        return row - row.max() - np.log(np.exp(row - row.max()).sum())

    first = logp(lead)
    pairs = {}
    for a in np.argsort(-first)[:3]:
        second = logp([*lead, a])
        pairs |= {(int(a), int(b)): first[a] + second[b] for b in np.argsort(-second)[:3]}
    assert found.token_ids[0] == max(pairs, key=pairs.get)
    assert found.steps["reason"].to_pylist()[1] == "token 2 of 2 of the branch kept"
    assert "the best of 120 branches" in found.steps["reason"].to_pylist()[0]


def test_adaptive_is_the_same_for_the_same_seed(model):
    first, second = (
        generate(PROMPT, model=model, sampler=Adaptive("entropix-v1"), max_tokens=15, seed=7).text for _ in range(2)
    )
    assert first == second


def test_bad_rules_say_why():
    with pytest.raises(InputError, match="there are no thresholds 'v9'"):
        Adaptive("v9")
    with pytest.raises(InputError, match="can never fire"):
        Thresholds("own", "nats", (Rule("r", Greedy(), entropy=(2.0, 1.0)),), Greedy())
    with pytest.raises(InputError, match="unit 'trits'"):
        Thresholds("own", "trits", (), Greedy())
    with pytest.raises(InputError, match="a character at least"):
        Adaptive("entropix-v1", cue="")


def test_a_chain_and_its_text_are_the_same(model):
    text = generate(PROMPT, model=model, sampler="min_p=0.1,temperature=0.7", max_tokens=10).text
    assert (
        generate(PROMPT, model=model, sampler=chain([("min_p", 0.1), ("temperature", 0.7)]), max_tokens=10).text == text
    )
