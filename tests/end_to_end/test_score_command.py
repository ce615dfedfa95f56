"""`entropist score` as a reader uses it: spans, words beside --save, keep and drop, the page, DuckDB."""

import json
import re
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tokenizers import normalizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

import entropist as en
from entropist import report
from entropist.cli import main
from entropist.errors import AuditError, FileError
from entropist.scoring import _score
from families import SMALL
from report_browser import chromium, complaints, css, opened, requests
from zoo import normalising

EXAMPLE = Path(__file__).parents[2] / "docs/examples/query_scores.py"
LINES = (Path(__file__).parents[2] / "examples/lighthouse.txt").read_text(encoding="utf-8").split(". ")


def documents(count, seed=0):
    g = np.random.default_rng(seed)
    texts = [". ".join(LINES[j] for j in g.integers(0, len(LINES), g.integers(1, 7))) for _ in range(count)]
    return [{"id": f"d{i}", "text": text, "half": "ab"[i % 2]} for i, text in enumerate(texts)]


@pytest.fixture(scope="module")
def model():
    return en.load_model("builtin:base")


@pytest.fixture(scope="module")
def scored(model, tmp_path_factory):
    """A score of twelve documents in several shards, and where it was saved with its tokens and words."""
    directory = tmp_path_factory.mktemp("score") / "scored"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_score, "_SHARD_BYTES", 1500)
        options = {"protocol": "disjoint", "window": 64, "group_column": "half", "tokens": True, "words": True}
        found = en.score(documents(12), model=model, save=directory, **options)
    return found, directory


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs the command on a file of twelve documents, here in this process: (exit code, printed, complained)."""
    file = tmp_path / "c.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in documents(12)), encoding="utf-8")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["entropist", "score", str(file), *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capsys.readouterr()

    return call


def test_spans_are_those_of_the_tokens(scored):
    """What was kept while scoring, against the table of tokens: bytes, text and surprisal of every span."""
    found, directory = scored
    texts = {each["id"]: each["text"].encode() for each in documents(12)}
    tokens = pq.read_table(directory / "tokens").to_pylist()
    every = [*found.spans(20), *found.spans(20, least=True)]
    assert len(list((directory / "spans").glob("*.parquet"))) > 2
    assert len({(span.document, span.start_byte) for span in every}) > 20
    for span in every:
        inside = [t for t in tokens if t["id"] == span.document and span.start_byte <= t["start_byte"] < span.end_byte]
        assert inside[0]["start_byte"] == span.start_byte
        assert inside[-1]["end_byte"] == span.end_byte
        assert span.surprisal == pytest.approx(sum(t["surprisal"] for t in inside), rel=1e-12)
        assert span.text.encode() == texts[span.document][span.start_byte : span.end_byte]
    rates = [span.bits_per_byte for span in found.spans(20)]
    assert rates == sorted(rates, reverse=True)
    assert found.spans(1, least=True)[0].bits_per_byte <= rates[-1]


def test_spans_are_the_same_saved_or_not_and_in_whatever_shards(scored, model):
    found, directory = scored
    plain = en.score(documents(12), model=model, protocol="disjoint", window=64)
    for least in (False, True):
        assert plain.spans(20, least=least) == found.spans(20, least=least)
        assert en.Score.load(directory).spans(20, least=least) == found.spans(20, least=least)


def test_a_damaged_shard_of_spans_is_made_again(model, tmp_path):
    en.score(documents(4), model=model, save=tmp_path / "s")
    place = tmp_path / "s/spans/shard-00000.parquet"
    whole = place.read_bytes()
    place.write_bytes(whole[:100])
    with pytest.raises(FileError, match="resume makes it again"):
        en.Score.load(tmp_path / "s").spans()
    assert en.score(documents(4), model=model, save=tmp_path / "s", resume=True).shards_reused == 0
    assert place.read_bytes() == whole


def test_the_documented_queries(scored, tmp_path, monkeypatch):
    """The SQL of the documentation on a real score, against what the score itself says."""
    found, directory = scored
    monkeypatch.chdir(directory.parent)
    hardest, groups, tokens, spans = (
        duckdb.sql(query).fetchall()
        for query in re.findall(r'duckdb\.sql\("""(.*?)"""', EXAMPLE.read_text(encoding="utf-8"), flags=re.DOTALL)
    )
    own = {row.id: row.bits_per_byte for row in report._corpus.CorpusView(found, "").documents}
    assert [name for name, _ in hardest] == sorted(own, key=own.get, reverse=True)[:3]
    assert [value for _, value in hardest] == pytest.approx(sorted(own.values(), reverse=True)[:3], rel=1e-12)
    expected = {name: estimate.value for name, estimate in found.by_group().items()}
    assert dict(groups) == pytest.approx(expected, rel=1e-12)
    table = pq.read_table(directory / "tokens")
    most = sorted((x for x in table["surprisal"].to_pylist() if x is not None), reverse=True)[:3]
    assert [row[3] for row in tokens] == pytest.approx([x / np.log(2) for x in most], rel=1e-12)
    assert [(row[0], row[1]) for row in spans] == [(span.document, span.start_byte) for span in found.spans(3)]
    assert [row[2] for row in spans] == pytest.approx([span.bits_per_byte for span in found.spans(3)], rel=1e-12)
    total = duckdb.sql("SELECT sum(surprisal) / ln(2) / sum(scored_bytes) FROM 'scored/documents/*.parquet'").fetchall()
    assert total[0][0] == pytest.approx(found.bits_per_byte().value, rel=1e-12)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_words_go_with_save(run, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(_score, "_SHARD_BYTES", 1500)
    files = [tmp_path / f"saved.{kind}", tmp_path / f"plain.{kind}", tmp_path / f"again.{kind}"]
    save = ("--save", tmp_path / "s")
    for file, more in zip(files, (save, (), (*save, "--resume"))):
        code, _, said = run("--words", file, *more)
        assert (code, f"wrote {file}" in said) == (0, True), said
    read = pyarrow.csv.read_csv if kind == "csv" else pq.read_table
    tables = [read(file) for file in files]
    assert len(list((tmp_path / "s/words").glob("*.parquet"))) > 2
    assert tables[0].num_rows == sum(len(each["text"].split()) for each in documents(12))
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])


def test_keep_and_drop_are_each_others_rest(run):
    kept, dropped = run("--keep", "0.2-0.6")[1].split(), run("--drop", "0.2-0.6")[1].split()
    assert 3 < len(kept) < 8
    assert sorted(kept + dropped) == sorted(f"d{i}" for i in range(12))
    for options, message in (
        (("--keep", "0-1", "--drop", "0-1"), "give one of them"),
        (("--drop", "0.9"), "--drop takes two quantiles"),
        (("--keep", "0.9-0.1"), "--keep takes two quantiles"),
        (("--words", "w.txt"), ".csv or .parquet"),
        (("--html", "nowhere/at/all.html"), "Make its directory first"),
        (("--protocol", "sliding,disjoint", "--html", "p.html"), "compared by themselves"),
        (("--protocol", "sliding,disjoint", "--tokens"), "compared by themselves"),
        (("--protocol", "sliding,disjoint", "--resume"), "compared by themselves"),
        (("--protocol", "sliding,disjoint", "--filtered", "f.jsonl"), "compared by themselves"),
        (("--filtered", "f.jsonl"), "give one of them"),
        (("--keep", "0-1", "--filtered", "f.txt"), "written as .jsonl"),
        (("--keep", "0-1", "--filtered", "f.jsonl", "--until-stderr", "1"), "some of the documents only"),
    ):
        code, printed, said = run(*options)
        assert code == 2
        assert message in said
        assert not printed


def test_what_is_kept_is_written_with_its_text(run, tmp_path):
    kept, dropped = tmp_path / "kept.jsonl", tmp_path / "dropped.jsonl"
    with (tmp_path / "c.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": "empty", "text": "", "half": None}) + "\n{\n")
    options = ("--on-error", "skip", "--group-column", "half")
    ids = json.loads(run("--keep", "0.2-0.6", "--json", *options)[1])
    code, printed, said = run("--keep", "0.2-0.6", "--filtered", kept, *options)
    assert (code, f"wrote {kept}: {len(ids)} of 13 documents" in said) == (0, True), said
    assert "bits per byte" in printed
    assert not run("--drop", "0.2-0.6", "--filtered", dropped, *options)[0]
    texts = {each["id"]: each for each in documents(12)}
    written = [[json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] for file in (kept, dropped)]
    assert [each["id"] for each in written[0]] == ids
    assert [each["id"] for each in written[1]] == [name for name in [*texts, "empty"] if name not in ids]
    for each in (*written[0], *written[1][:-1]):
        assert (each["text"], each["group"]) == (texts[each["id"]]["text"], texts[each["id"]]["half"])
    assert written[1][-1] == {"id": "empty", "text": ""}
    again = en.score(str(kept), model="builtin:base")
    assert again.documents["id"].to_pylist() == ids
    code, _, said = run("--keep", "0-1", "--filtered", tmp_path / "c.jsonl", *options)
    assert (code, "is read as input" in said) == (2, True)


def test_nothing_given_at_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["entropist", "score"])
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "nothing to score: give a file" in capsys.readouterr().err


def test_a_sample_and_several_protocols_say_what_they_left_out(run, tmp_path):
    with (tmp_path / "c.jsonl").open("a") as file:
        file.write("{\n")
    code, printed, said = run("--protocol", "sliding,whole", "--on-error", "skip", "--json")
    assert code == 0
    assert json.loads(printed)[0]["stderr"] > 0
    assert "documents not read, skipped: 1, the first:" in said
    values = json.loads(run("--until-stderr", "1e-9", "--on-error", "skip", "--json", "--group-column", "half")[1])
    assert values["until_stderr"] == {"goal": 1e-9, "reached": False}
    assert values["macro_over_groups"]["groups"] == 2
    assert values["macro_over_groups"]["bits_per_byte"] == pytest.approx(
        np.mean([group["bits_per_byte"] for group in values["groups"]])
    )


def test_a_script_without_spaces_is_json_too(run, tmp_path):
    (tmp_path / "c.jsonl").write_text(json.dumps({"text": "日本語の文章には空白がありません。" * 20}), encoding="utf-8")

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    values = json.loads(run("--json")[1], parse_constant=refuse)
    assert values["word_perplexity_micro"]["value"] is None
    compared = json.loads(run("--protocol", "disjoint,sliding", "--json")[1], parse_constant=refuse)
    assert compared[0]["printed"]["word_perplexity"] is None
    assert compared[0]["printed"]["byte_perplexity"] > 1


def test_what_is_printed_and_written(run, tmp_path):
    html, svg = tmp_path / "p.html", tmp_path / "p.svg"
    code, printed, said = run("--spans", 2, "--group-column", "half", "--html", html, "--svg", svg)
    assert code == 0, said
    assert re.search(r"^bits per byte +\d\.\d+ +95 %: ", printed, re.MULTILINE)
    assert printed.count("surprising spans") == 2
    assert re.search(r"^group +documents +bits per byte", printed, re.MULTILINE)
    assert "mean of 2 groups, each the same weight: " in printed
    assert "<h1><bdi>c.jsonl</bdi></h1>" in html.read_text(encoding="utf-8")
    assert svg.read_text(encoding="utf-8").startswith("<svg")
    values = json.loads(run("--json", "--spans", 2, "--group-column", "half")[1])
    assert [each["group"] for each in values["groups"]] == ["a", "b"]
    assert len(values["spans"]["most"]) == len(values["spans"]["least"]) == 2
    assert values["spans"]["most"][0]["bits_per_byte"] > values["spans"]["least"][0]["bits_per_byte"]


def test_a_bad_line_fails_or_is_counted(run, tmp_path):
    with (tmp_path / "c.jsonl").open("a") as file:
        file.write("{\n")
    code, printed, said = run("--on-error", "fail")
    assert code == 2
    assert "c.jsonl:13 is not JSON" in said
    assert not printed
    code, printed, _ = run("--on-error", "skip")
    assert code == 0
    assert "12 documents, " in printed
    assert re.search(r"1 document could not be read, skipped, the first: .*c\.jsonl:13", printed)


@pytest.fixture(scope="module")
def lowering(tmp_path_factory):
    """A small random Llama whose tokenizer composes and lowers every letter."""
    directory = tmp_path_factory.mktemp("lowering")
    tokenizer = normalising(normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>").save_pretrained(directory)
    config = CONFIG_MAPPING["llama"](vocab_size=tokenizer.get_vocab_size(), **SMALL)
    AutoModelForCausalLM.from_config(config).save_pretrained(directory)
    return directory


def test_a_tokenizer_that_normalises_is_said_and_every_byte_is_counted(lowering, run):
    texts = ["ﬁne ① ＦＵＬＬ Ångström İstanbul", "as it was, in small letters", "", "e\u0301a\u0308 ﷽ ẞ " * 20]
    found = en.score(texts, model=str(lowering), window=16)
    assert found.documents["lossless"].to_pylist() == [False, True, True, False]
    sizes = found.bytes()
    assert sizes[""] == sum(len(text.encode()) for text in texts)
    assert sizes["scored_"] + sizes["context_"] + sizes["dropped_"] == sizes[""]
    assert found.totals()["not_lossless"] == 2
    for span in found.spans(20):
        assert span.text.encode() == texts[3].encode()[span.start_byte : span.end_byte]
    code, printed, _ = run("--model", lowering)
    assert code == 0
    assert re.search(r"the tokenizer normalises: the tokens of (all )?\d+ (of 12 )?documents do not spell", printed)


@pytest.mark.parametrize("damage", ["short", "long", "backwards"])
def test_bytes_that_do_not_add_up_are_an_error(model, damage):
    class Broken:
        """The model, but for the places of its tokens."""

        def __getattr__(self, name):
            return getattr(model, name)

        def tokenize(self, text):
            tokens = model.tokenize(text)
            ends = tokens.end_bytes.copy()
            if damage == "short":
                ends[-1] -= 1
            elif damage == "long":
                ends[-1] += 2
            else:
                ends[2], ends[3] = ends[3], ends[2]
            return type(tokens)(tokens.ids, ends, tokens.lossless)

    with pytest.raises(AuditError, match="byte audit failed for 'document:1'"):
        en.score(["the boat went out and did not come back"], model=Broken())


def test_the_page_in_a_browser(scored, tmp_path):
    page = report.score_page(scored[0], name="</title><script>window.harmed=1</script>")
    with chromium(scripts=False, size="1300,1000") as driver:
        driver.get_log("performance")
        opened(driver, page, tmp_path)
        assert requests(driver) <= {(tmp_path / "page.html").as_uri(), "data:,"}
        assert complaints(driver) == []
        assert css(driver, "h1")[0].text == "</title><script>window.harmed=1</script>"
        assert len(css(driver, ".charts .chart")) == 3
        bars = [bar.rect for bar in css(driver, ".chart .count")]
        assert sum(bar["height"] > 1 and bar["width"] > 1 for bar in bars) > 8, "columns are drawn"
        assert len(css(driver, ".ranked li")) > 16
        paper = css(driver, "html")[0].value_of_css_property("background-color")
        ink = css(driver, ".chart .count")[0].value_of_css_property("fill")
        driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        )
        assert css(driver, "html")[0].value_of_css_property("background-color") != paper
        assert css(driver, ".chart .count")[0].value_of_css_property("fill") != ink
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert css(driver, "html")[0].value_of_css_property("background-color") == paper
        assert all(chart.is_displayed() for chart in css(driver, ".chart"))
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        phone = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        assert css(driver, "html")[0].size["width"] <= 400
        assert all(chart.rect["x"] + chart.rect["width"] <= 400 for chart in css(driver, ".chart"))
        content = driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        assert content["width"] <= 400
