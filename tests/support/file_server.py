"""A local file server with the faults of real servers."""

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Records a request and gives the answer of its path."""

    server: "Server"

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range")))
        self.server.answers[self.path](self)

    def log_message(self, *_: Any) -> None:
        pass

    def send(self, status: int, body: bytes = b"", **headers: object) -> None:
        """Send headers, with underscores for hyphens, and a body."""
        self.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def asked_from(self) -> int:
        """The first byte of the requested range."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))
        assert match
        return int(match[1])


class Server(ThreadingHTTPServer):
    """Serves until the end of a ``with``; ``requests`` holds paths and ``Range`` headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str | None]] = []

    def __enter__(self) -> "Server":
        # Polls every 0.01 s for the shutdown.
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, *_: Any) -> None:
        """Print nothing about clients that disconnect."""

    def address(self, path: str, answer: Answer) -> str:
        """The address of this answer."""
        self.answers[f"/{path}"] = answer
        return f"http://127.0.0.1:{self.server_port}/{path}"


def whole(content: bytes, **headers: object) -> Answer:
    """The whole file, for any range."""
    return lambda handler: handler.send(200, content, **headers)


def ranges(content: bytes) -> Answer:
    """The file or the requested range of it."""

    def answer(handler: Handler) -> None:
        start = handler.asked_from()
        if start >= len(content):
            handler.send(416, Content_Range=f"bytes */{len(content)}")
        elif handler.headers["Range"]:
            there = f"bytes {start}-{len(content) - 1}/{len(content)}"
            handler.send(206, content[start:], Content_Range=there)
        else:
            handler.send(200, content)

    return answer


def cut_off(content: bytes, after: int, **headers: object) -> Answer:
    """The first bytes of the file, with the length of the whole."""
    return lambda handler: handler.send(
        200, content[:after], **{"Content_Length": len(content), **headers}
    )


def status(code: int, body: bytes = b"", **headers: object) -> Answer:
    """A status with an optional page."""
    return lambda handler: handler.send(code, body, **headers)


def redirect(address: str) -> Answer:
    return lambda handler: handler.send(302, b"it has moved", Location=address)


def page() -> Answer:
    """A login page in place of the file, as from a captive portal."""
    return whole(b"<html>Log in!</html>", Content_Type="text/html; charset=utf-8")


def one_after_the_other(*answers: Answer) -> Answer:
    """One answer after the other; the last one is repeated."""
    left = list(answers)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)


def slow(content: bytes, go_on: threading.Event) -> Answer:
    """The file in two halves, the second after ``go_on`` is set."""

    def answer(handler: Handler) -> None:
        half = len(content) // 2
        handler.send(200, content[:half], Content_Length=len(content))
        handler.wfile.flush()
        go_on.wait(10)
        handler.wfile.write(content[half:])

    return answer
