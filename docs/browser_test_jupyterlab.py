"""Use the project as a reader would: the tutorial and the explorer in a real JupyterLab, in a real browser.

    python docs/browser_test_jupyterlab.py [--screenshots FOLDER] [--limit SECONDS]

Starts JupyterLab in a temporary folder, runs every cell of the tutorial, opens an explorer and moves its slider with
the keyboard.
Exits with status 1, and says why, if a cell fails or the picture does not change.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from browser import open_page

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = ROOT / "nbs" / "tutorials" / "from_nothing_to_a_classifier.ipynb"
EXPLORER_CELLS = [
    "from lstm_pfd_h5 import DataConfig, explore\nfrom lstm_pfd_h5.signal_generator import generate_to_file",
    "config = DataConfig(num_signals_per_fault=8, rng_seed=0)\n"
    "config.signal.T, config.augmentation.enabled = 0.5, False\n"
    'path = generate_to_file("explored.h5", config)',
    "explore(path)",
]
FIGURE = ".jupyter-widgets img.lstm-pfd-figure"
STORED_FIGURE = "[class$=-page] img.lstm-pfd-figure"


class Failed(Exception):
    "A failure, in words for the person who runs the test."


class Deadline:
    "The time that is left to the whole test."

    def __init__(self, seconds):
        self.seconds, self.end = seconds, time.monotonic() + seconds

    def left(self):
        left = self.end - time.monotonic()
        if left <= 0:
            raise Failed(f"The test takes longer than {self.seconds:g} s")
        return left

    def wait(self, what, check, every=0.2):
        "Ask `check` until it gives something; fails with `what` when the time is up."
        while not (found := check()):
            if time.monotonic() > self.end:
                raise Failed(f"Waited {self.seconds:g} s in all, in the end for {what}")
            time.sleep(every)
        return found


def notebook(cells):
    "A notebook of code cells."
    code = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def settings(folder, plugin, values):
    target = folder / f"{plugin}.jupyterlab-settings"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(values))


@contextmanager
def jupyterlab(folder, deadline):
    "A JupyterLab on `folder/work` with settings of its own; yields an address for a notebook's name."
    port, token, log = free_port(), secrets.token_hex(16), folder / "server.log"
    quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
    settings(folder / "settings", "@jupyterlab/apputils-extension/notification", quiet)
    places = {
        name: str(folder / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    environment = {
        **os.environ,
        **places,
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder / 'work'}",
        "--LabApp.expose_app_in_browser=True",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    with open(log, "w") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline.wait(
            "JupyterLab to start", lambda: _answers(server, f"http://127.0.0.1:{port}/api?token={token}", log)
        )
        yield lambda name: f"http://127.0.0.1:{port}/lab/tree/{name}?token={token}&reset"
    finally:
        _stop(server)


def _answers(server, address, log):
    if server.poll() is not None:
        raise Failed(f"JupyterLab ended with status {server.returncode}:\n{log.read_text()[-2000:]}")
    try:
        return urllib.request.urlopen(address, timeout=2).status == 200
    except OSError:
        return False


def _stop(server):
    server.send_signal(signal.SIGTERM)  # ends its kernels, too
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill(), server.wait()


def contents(page):
    "The open notebook as JSON, as it would be saved."
    return page.evaluate("() => window.jupyterapp?.shell.currentWidget?.context?.model?.toJSON()")


def open_notebook(page, address, deadline):
    "Open a notebook and wait for its kernel."
    page.goto(address, timeout=1000 * deadline.left())
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=1000 * deadline.left())
    status = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
    deadline.wait("a kernel", lambda: page.evaluate(status) == "idle")


def run_all(page, deadline):
    "Run every cell; how many ran. Fails with the message of the first that fails."
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs') }")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
    return deadline.wait("the cells to run", lambda: _all_ran(contents(page)["cells"]))


def _all_ran(cells):
    code = [cell for cell in cells if cell["cell_type"] == "code" and "".join(cell["source"]).strip()]
    for number, cell in enumerate(code, 1):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                raise Failed(
                    f"Code cell {number} of {len(code)} fails with {output['ename']}: {output['evalue']}\n"
                    + "".join(cell["source"])
                )
    return len(code) if all(cell["execution_count"] for cell in code) else 0


def has_focus(page, selector):
    return page.evaluate("selector => document.activeElement?.matches(selector)", selector)


def shown(page, deadline, before=None):
    "Text and address of the explorer's picture, once it is another than before."
    script = (
        "selector => { const picture = document.querySelector(selector); return picture && [picture.alt, picture.src] }"
    )
    read = lambda: page.evaluate(script, FIGURE)
    return deadline.wait(
        "the explorer's picture to change" if before else "the explorer's picture",
        lambda: (now := read()) and (before is None or now[1] != before[1]) and now,
        every=0.02,
    )


def use_explorer(page, deadline):
    "Move through rows, compare and search with the keyboard; yields what was seen."
    first = shown(page, deadline)
    yield f"first picture: {first[0]}"
    page.locator(".widget-text input").focus()
    page.keyboard.press("Tab")
    if not has_focus(page, ".noUi-handle"):
        raise Failed("Tab does not lead from the search to the row's slider")
    page.keyboard.press("ArrowRight")
    second = shown(page, deadline, first)
    yield f"slider moved with →: {second[0]}"
    if not has_focus(page, ".noUi-handle"):
        raise Failed("The slider lost the focus when the picture changed")
    began = time.monotonic()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    last = deadline.wait("row 21", lambda: (now := shown(page, deadline)) and ", row 21, " in now[0] and now)
    yield f"20 more key presses: {last[0]}, after {time.monotonic() - began:.1f} s"
    page.keyboard.press("Home")
    if shown(page, deadline, last) != first:
        raise Failed("Back at the first row, the picture is another one than at first")
    yield "back at the first row with Home: the same picture as at first"
    page.locator(".widget-text input").fill("severity=nonsense")
    page.keyboard.press("Enter")
    deadline.wait(
        "a search without result to say so", lambda: "No row matches" in page.locator("[role=status]").last.inner_text()
    )
    page.locator(".widget-text input").fill("speed_rpm>3600")
    page.keyboard.press("Enter")
    deadline.wait("the picture of a row that was found", page.locator(FIGURE).count)
    yield f"searched for speed_rpm>3600: {page.locator('[role=status]').last.inner_text()}"
    page.get_by_text("two rows side by side").click()
    page.get_by_role("button", name="Metadata").click()
    pair = deadline.wait(
        "two rows side by side", lambda: (now := shown(page, deadline)) and " next to " in now[0] and now
    )
    yield f"side by side: {pair[0]}"
    page.get_by_role("button", name="Listen").click()
    page.wait_for_selector("audio", timeout=1000 * deadline.left())
    seconds = deadline.wait(
        "a sound that the browser can decode",
        lambda: page.locator("audio").first.evaluate("audio => audio.duration || 0"),
    )
    yield f"sound: {page.locator('audio').count()} players, {seconds:.2f} s"


def reopen(page, address, deadline):
    "Save the notebook, end its kernel, open it again: the page that is stored with the explorer takes its place."
    if page.locator(STORED_FIGURE).is_visible():
        raise Failed("The stored page shows beside the controls")
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save') }")
    page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown() }")
    page.goto("about:blank")
    page.goto(address, timeout=1000 * deadline.left())
    stored = page.locator(STORED_FIGURE)
    deadline.wait("the page that is stored with the explorer", lambda: stored.count() and stored.is_visible())
    return "opened again without a kernel's widgets: the stored page shows"


def take_screenshots(page, folder, name):
    "The page in the light and in the dark theme."
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.evaluate(
            "async theme => { await window.jupyterapp.commands.execute('apputils:change-theme', {theme}) }", theme
        )
        page.wait_for_timeout(800)
        page.screenshot(path=folder / f"{name}_{theme.split()[1].lower()}.png")


def test(folder, screenshots, deadline):
    "Everything, with a line for each thing that was seen."
    work = folder / "work"
    work.mkdir()
    shutil.copy(TUTORIAL, work / "tutorial.ipynb")
    (work / "explorer.ipynb").write_text(json.dumps(notebook(EXPLORER_CELLS)))
    with jupyterlab(folder, deadline) as address, open_page(1400, 1500) as (page, watch):
        yield "JupyterLab started"
        open_notebook(page, address("tutorial.ipynb"), deadline)
        yield f"tutorial: {run_all(page, deadline)} code cells run, 0 errors"
        if screenshots:
            page.screenshot(path=screenshots / "tutorial.png")
        open_notebook(page, address("explorer.ipynb"), deadline)
        yield f"explorer: {run_all(page, deadline)} code cells run, 0 errors"
        yield from use_explorer(page, deadline)
        if screenshots:
            take_screenshots(page, screenshots, "explorer")
        yield reopen(page, address("explorer.ipynb"), deadline)
        if watch.errors:
            raise Failed(f"Scripts on the page failed {len(watch.errors)} times: {watch.errors[0]}")
        yield f"0 script errors, {len(watch.foreign)} requests to other hosts refused"


def main():
    parser = argparse.ArgumentParser(
        description="Run the tutorial and the explorer in a real JupyterLab, in headless Chromium."
    )
    parser.add_argument("--screenshots", type=Path, help="folder for pictures of what was seen")
    parser.add_argument("--limit", type=float, default=600, help="seconds that the whole test may take (default: 600)")
    options = parser.parse_args()
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    deadline, began = Deadline(options.limit), time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            for line in test(Path(folder), options.screenshots, deadline):
                print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)
        except Exception as error:
            message = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
            print(f"FAILED after {time.monotonic() - began:.1f} s: {message}", file=sys.stderr)
            return 1
    print(f"passed in {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
