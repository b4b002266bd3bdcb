"""A headless Chromium for the browser tests: it reaches this machine only, and remembers what went wrong."""

import shutil
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit

INSTALL = "pip install -c constraints.txt playwright, and apt-get install chromium (or: playwright install chromium)"
LOCAL_HOSTS = ("127.0.0.1", "localhost")


class Watch:
    "What a page asked of other hosts (all of it is refused), and the scripts' errors."

    def __init__(self):
        self.foreign, self.errors = [], []

    def route(self, route):
        address = route.request.url
        if urlsplit(address).scheme in ("data", "blob") or urlsplit(address).hostname in LOCAL_HOSTS: return route.continue_()
        self.foreign.append(address)
        route.abort()


def chromium_path():
    "The Chromium of the system; `None` for the one that Playwright brings."
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def open_page(width=1280, height=1000):
    "A page of a fresh browser, and its `Watch`."
    try: from playwright.sync_api import sync_playwright
    except ImportError: sys.exit(f"Playwright is not installed: {INSTALL}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        context, watch = browser.new_context(viewport={"width": width, "height": height}), Watch()
        context.route("**/*", watch.route)
        page = context.new_page()
        page.on("pageerror", lambda error: watch.errors.append(str(error)))
        try: yield page, watch
        finally: browser.close()
