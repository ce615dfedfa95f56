"""Live servers: a real llama-server in its three dialects, and a local one that misbehaves in every way."""

import datetime
import email.utils

import numpy as np
import pytest

import entropist as en
from entropist.errors import InputError, MissingExtraError, ServerError
from entropist.responses import connect
from fault_server import KEY, WORDS, fault_server
from llama import gguf_of, needs_tools, server

TEXT = "".join(WORDS).encode()


@pytest.fixture
def waits(monkeypatch):
    """What the client would have waited, without waiting."""
    found = []
    monkeypatch.setattr("entropist.responses._transport.time.sleep", found.append)
    return found


@needs_tools
@pytest.mark.parametrize("kind", ["llama.cpp", "openai-chat", "openai-completions"])
def test_a_real_server_streams_what_the_model_says(kind, tmp_path_factory):
    model = gguf_of("base", tmp_path_factory.mktemp("gguf"))
    with server(model, "-c", "512") as address, connect(address, kind=kind) as connection:
        assert connection.vocabulary_size == 4096
        stream = connection.stream("It was the best of times, it was the", max_tokens=12, temperature=0.0)
        pieces = list(stream)
        trace = stream.trace()
        assert b"".join(piece.text_bytes() for piece in pieces) == trace.text_bytes()
        assert len(trace) == len(pieces) == 12
        declaration = trace.metadata.declaration
        assert (declaration.server, declaration.k, declaration.temperature) == ("llama.cpp", 20, 0.0)
        if kind != "openai-chat":  # which puts the prompt into a template of its own
            whole = en.trace("It was the best of times, it was the" + trace.text_bytes().decode(), top_k=0)
            np.testing.assert_allclose(trace.column("surprisal"), whole.column("surprisal")[-12:], atol=5e-3)
            entropy = whole.column("entropy")[-12:]
            assert (trace.column("entropy_low") <= entropy + 5e-3).all()
            assert (entropy <= trace.column("entropy_high") + 5e-3).all()


@needs_tools
def test_the_kind_is_found(tmp_path_factory):
    model = gguf_of("base", tmp_path_factory.mktemp("gguf"))
    with server(model, "-c", "512") as address:
        with connect(address) as connection:
            assert connection.kind == "llama.cpp"
        with connect(address + "/v1/") as connection:
            assert connection.kind == "openai-chat"
            assert len(connection.ask("Hello", max_tokens=3)) == 3


def test_an_answer_comes_whole_and_piece_by_piece():
    with fault_server(("whole",)) as (address, _), connect(address, vocabulary_size=1000) as connection:
        stream = connection.stream("say it", temperature=0.5)
        assert [piece.text_bytes().decode() for piece in stream] == WORDS
        trace = stream.trace()
        assert trace.text_bytes() == TEXT
        assert trace.metadata.declaration.temperature == 0.5
        assert trace == connection.ask("say it", temperature=0.5)


def test_a_key_goes_to_the_server_and_nowhere_else(monkeypatch):
    monkeypatch.setenv("ENTROPIST_API_KEY", KEY)
    with fault_server(("whole",), ("refuses", 401)) as (address, seen), connect(address) as connection:
        trace = connection.ask("say it")
        assert seen.requests[0][0]["Authorization"] == f"Bearer {KEY}"
        assert KEY not in repr(connection) + repr(vars(connection)) + trace.to_json() + repr(trace.metadata)
        with pytest.raises(ServerError, match="Is the key right") as caught:
            connection.ask("say it")
        assert KEY not in str(caught.value)


def test_the_key_of_openai_goes_to_openai_alone(monkeypatch):
    monkeypatch.delenv("ENTROPIST_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with fault_server(("whole",)) as (address, seen), connect(address) as connection:
        connection.ask("say it")
        assert "Authorization" not in seen.requests[0][0]
    monkeypatch.setattr("entropist.responses._transport.Transport.get", lambda self, path: {"data": [{"id": "m"}]})
    with connect("https://api.openai.com/v1") as openai:
        assert openai._transport._client.headers["Authorization"] == f"Bearer {KEY}"


def test_a_storm_of_429_is_waited_out_as_the_server_asks(waits):
    soon = email.utils.format_datetime(
        datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=30), usegmt=True
    )
    faults = [("refuses", 429, "7"), ("refuses", 429, soon), ("refuses", 503), ("refuses", 429, "9999"), ("whole",)]
    with fault_server(*faults) as (address, seen), connect(address) as connection:
        assert connection.ask("say it").text_bytes() == TEXT
        assert len(seen.requests) == 5
    assert waits[0] == 7
    assert 25 < waits[1] <= 30
    assert 2 <= waits[2] <= 2.5
    assert waits[3] == 60


def test_an_idle_connection_that_the_server_ended_is_opened_again(waits):
    with fault_server(("whole",), ("hangs_up",), ("whole",)) as (address, seen), connect(address) as connection:
        assert [connection.ask("say it").text_bytes() for _ in range(2)] == [TEXT] * 2
        assert len(seen.requests) == 3
    with fault_server(("hangs_up",)) as (address, seen), connect(address, tries=2) as connection:
        with pytest.raises(ServerError, match="broke off"):
            connection.ask("say it")
        assert len(seen.requests) == 2


def test_tries_end(waits):
    with fault_server(("refuses", 500)) as (address, seen), connect(address, tries=3) as connection:
        with pytest.raises(ServerError, match="500 Internal Server Error, 3 tries in all: refused for the sake of 500"):
            connection.ask("say it")
        assert len(seen.requests) == 3
    assert len(waits) == 2


def test_what_is_the_askers_fault_is_not_tried_again(waits):
    with fault_server(("refuses", 400)) as (address, seen), connect(address) as connection:
        with pytest.raises(ServerError, match="400 Bad Request: refused for the sake of 400"):
            connection.ask("say it")
        assert len(seen.requests) == 1
    assert waits == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (("cut", 4), "broke off"),
        (("unfinished", 4), "ended before its answer was whole"),
        (("error_inside", 4), "out of memory on device 3"),
        (("stalls", 4), "sent nothing for 0.5 seconds"),
    ],
)
def test_tokens_that_had_come_are_kept(fault, message):
    with fault_server(fault) as (address, seen), connect(address, timeout=0.5) as connection:
        with pytest.raises(ServerError, match=f"{message}.*The 4 tokens that had come were kept") as caught:
            connection.ask("say it")
        assert caught.value.trace.text_bytes() == "".join(WORDS[:4]).encode()
        assert len(seen.requests) == 1, "an answer that had begun was asked for again"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (("web_page",), "a web page .text/html"),
        (("not_json",), "ended before its answer was whole. No token had come"),
        (("huge_headers",), "broke off"),
        (("cut", 0), "No token had come"),
    ],
)
def test_what_is_no_answer_is_said(fault, message):
    with fault_server(fault) as (address, _), connect(address) as connection:
        with pytest.raises(ServerError, match=message) as caught:
            connection.ask("say it")
        assert caught.value.trace is None


def test_an_answer_without_log_probabilities_says_what_to_ask_for():
    asked = pytest.raises(InputError, match="log-probabilities")
    with fault_server(("no_logprobs",)) as (address, _), connect(address) as connection, asked:
        connection.ask("say it")


def test_stopping_early_keeps_what_came():
    with fault_server(("whole", 0.01)) as (address, _), connect(address) as connection:
        stream = connection.stream("say it")
        for count, _ in enumerate(stream, start=1):
            if count == 3:
                break
        assert stream.trace().text_bytes().decode() == "".join(WORDS[:3])


def test_nobody_at_home(waits):
    with fault_server(("whole",)) as (address, _):
        pass
    with pytest.raises(ServerError, match="no server answers at"):
        connect(address)
    nobody = pytest.raises(ServerError, match=r"no server answers at .* after 2 tries")
    with connect(address, kind="llama.cpp", vocabulary_size=9, tries=2) as connection, nobody:
        connection.ask("say it")


def test_several_models_have_to_be_named():
    with fault_server(("whole",), models=("one", "two")) as (address, seen):
        with pytest.raises(InputError, match=r"name the model .* it has one, two"):
            connect(address)
        with connect(address, model="two") as connection:
            connection.ask("say it")
        assert seen.requests[0][1]["model"] == "two"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_url": "localhost:8080"}, "is no address"),
        ({"base_url": "ftp://localhost"}, "is no address"),
        ({"base_url": "http://me:secret@localhost"}, "holds a password"),
        ({"base_url": "http://localhost", "kind": "openai"}, "kind 'openai' is not known"),
        ({"base_url": "http://localhost", "timeout": 0}, "timeout must be positive"),
    ],
)
def test_what_cannot_be_connected_to_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        connect(**options)


def test_without_httpx_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "entropist.responses._transport", None)
    with pytest.raises(MissingExtraError, match=r"entropist\[api\]"):
        connect("http://localhost:1")
