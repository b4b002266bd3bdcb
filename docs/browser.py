"""Parts that the browser tests share: Chromium, a page that reaches this machine only, and a server for a folder.

Set CHROMIUM to the path of a browser; by default the first one found is used.
"""

import os
import shutil
import sys
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def chromium_path():
    "The browser's path; without one the process ends and says how to get it."
    if found := os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None):
        return found
    sys.exit(
        "No Chromium was found. On Debian: apt-get install -y chromium. "
        "Elsewhere: set CHROMIUM to the path of Chromium or Chrome."
    )


@contextmanager
def browser():
    "A headless Chromium."
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        try:
            yield running
        finally:
            running.close()


LOCAL_HOSTS = ("127.0.0.1", "localhost", None)  # None: data: and blob: addresses have no host


class Watch:
    "Requests of a page to other hosts (all are refused), errors of its scripts, and other complaints."

    def __init__(self):
        self.foreign, self.errors, self.complaints = [], [], []

    def route(self, route):
        if urlsplit(route.request.url).hostname in LOCAL_HOSTS:
            return route.continue_()
        self.foreign.append(route.request.url)
        route.abort()

    def listen(self, page):
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on(
            "response",
            lambda response: (
                self.complaints.append(f"{response.status} {response.url}") if response.status >= 400 else None
            ),
        )


@contextmanager
def new_page(running, **options):
    "A page that reaches this machine only, and its `Watch`. The options are those of Playwright's `new_context`."
    context, watch = running.new_context(**options), Watch()
    context.route("**/*", watch.route)
    page = context.new_page()
    watch.listen(page)
    try:
        yield page, watch
    finally:
        context.close()


@contextmanager
def open_page(width=1280, height=1000):
    "A page of a fresh browser, and its `Watch`."
    with browser() as running, new_page(running, viewport={"width": width, "height": height}) as opened:
        yield opened


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        "Print nothing."


@contextmanager
def served(folder: Path):
    "The address at which the files of a folder can be fetched, on a free port."
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def run(tests):
    "Call each test, and end the process with status 1 if one fails."
    failed = 0
    for test in tests:
        try:
            test()
        except Exception as error:
            failed += 1
            print(f"FAILED {test.__name__}: {type(error).__name__}: {str(error)[:1000]}")
        else:
            print(f"passed {test.__name__}: {test.__doc__}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(failed > 0)
