"""HTTP with patience: time limits, retries with back-off, and errors in one sentence that never show a key.

Tries after the first wait as long as ``Retry-After`` says (seconds or a date), else 0.5, 1, 2, 4 … seconds
with up to a quarter more at random, 60 at most. Retried are 408, 429, 5xx, and connections that failed before
any byte of the answer came; never an answer that had begun.
"""

import contextlib
import datetime
import email.utils
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from entropist.errors import ServerError, first_line

_LONGEST_WAIT = 60.0
_RETRIED = {408, 409, 429, *range(500, 600)}
_LARGEST_ANSWER = 1 << 28
_ERROR_SHOWN = 200


class Transport:
    """One server: its address, the headers that may hold a key, how long to wait and how often to try."""

    def __init__(self, base_url: str, headers: dict[str, str], timeout: float, tries: int) -> None:
        self.base_url = base_url
        self._tries = tries
        self._sleep: Callable[[float], None] = time.sleep
        limits = httpx.Timeout(timeout, connect=min(timeout, 10.0))
        self._client = httpx.Client(headers=headers, timeout=limits, follow_redirects=False)

    def get(self, path: str) -> Any:
        """The JSON at `path`, None where there is none."""
        try:
            answer = self._client.get(self.base_url + path)
            return answer.json() if answer.status_code == 200 else None
        except httpx.ConnectError as error:
            raise ServerError(f"no server answers at {self.base_url} ({first_line(error)}).") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return None

    def post_lines(self, path: str, body: dict[str, Any]) -> Iterator[bytes]:
        """The lines of a streamed answer, as they come."""
        for attempt in range(self._tries):
            last, begun = attempt == self._tries - 1, False
            try:
                with self._client.stream("POST", self.base_url + path, json=body) as answer:
                    begun = True
                    if answer.status_code == 200:
                        yield from _lines(answer)
                        return
                    message, wait = self._refusal(answer), _retry_after(answer)
                    if last or answer.status_code not in _RETRIED:
                        raise ServerError(message)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                wait = None
                if last:
                    tried = f" after {self._tries} tries" if self._tries > 1 else ""
                    reason = first_line(error) or type(error).__name__
                    raise ServerError(f"no server answers at {self.base_url}{tried} ({reason}).") from None
            except httpx.TimeoutException:
                waited = self._client.timeout.read
                raise ServerError(
                    f"{self.base_url} sent nothing for {waited:g} seconds; timeout= waits longer."
                ) from None
            except httpx.HTTPError as error:
                wait = None
                if last or begun or not _hung_up(error):
                    raise ServerError(f"the answer of {self.base_url} broke off ({first_line(error)}).") from None
            self._sleep(min(_LONGEST_WAIT, 2.0 ** (attempt - 1) * random.uniform(1, 1.25) if wait is None else wait))

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _refusal(self, answer: httpx.Response) -> str:
        answer.read()
        tried = f", {self._tries} tries in all" if answer.status_code in _RETRIED and self._tries > 1 else ""
        hint = {401: " Is the key right?", 403: " Is the key right?", 404: " Is the address right?"}
        return (
            f"{self.base_url} refused with {answer.status_code} {answer.reason_phrase}{tried}: "
            f"{message_of(answer.content)}{hint.get(answer.status_code, '')}"
        )


def _hung_up(error: httpx.HTTPError) -> bool:
    """Whether the connection was closed before an answer: a server may end an idle one as the next request goes out."""
    return isinstance(error, (httpx.ReadError, httpx.WriteError)) or "without sending a response" in str(error)


def _lines(answer: httpx.Response) -> Iterator[bytes]:
    kind = answer.headers.get("content-type", "")
    if "html" in kind:
        raise ServerError(f"{answer.url.host} answered with a web page ({kind}), not with JSON: is the address right?")
    held = b""
    size = 0
    for part in answer.iter_bytes():
        size += len(part)
        if size > _LARGEST_ANSWER:
            raise ServerError(f"{answer.url.host} sent more than {_LARGEST_ANSWER >> 20} MB for one answer.")
        *lines, held = (held + part).split(b"\n")
        yield from lines
    if held:
        yield held


def message_of(content: bytes) -> str:
    """What an error's body says, in a line."""
    text = content.decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        value = json.loads(content)
        found = value.get("error", value) if isinstance(value, dict) else value
        text = str(found.get("message", found) if isinstance(found, dict) else found)
    return " ".join(text.split())[:_ERROR_SHOWN] or "no reason given."


def _retry_after(answer: httpx.Response) -> float | None:
    told = answer.headers.get("retry-after", "").strip()
    if not told:
        return None
    if told.replace(".", "", 1).isdecimal():
        return float(told)
    try:
        when = email.utils.parsedate_to_datetime(told)
    except ValueError:
        return None
    return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())
