"""Run the notebooks, and compare what they print with the outputs that are stored in them.

    python docs/outputs.py                       # all of them; exit with status 1 and a diff where an output differs
    python docs/outputs.py nbs/how_to/*.ipynb    # some
    python docs/outputs.py --write NOTEBOOK ...  # store the outputs of this run instead
    python docs/outputs.py --write --flags slow NOTEBOOK  # also run the cells that are marked slow

Notebooks start in the order in which they are named, each once: name the longest first.

A stored output is what the code prints today. Cells marked `#| varies` print times, amounts of memory or the name of a
machine: they are run and not compared. Cells marked slow, gpu or notest are not run, and keep their outputs. Cells
marked `#| fixtures` show recordings of other projects: where these are absent, the cells are run, and keep their
outputs, too. Pictures are not compared.
"""

import argparse
import difflib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = {"notest", "slow", "gpu"}
DIFFERS = 3  # the status of a process whose notebook ran, and printed something else
FIXTURES = ROOT.parent / "shared" / "fixtures"


def as_text(value):
    return value if isinstance(value, str) else "".join(value)


def printed(outputs):
    "What a reader sees of a cell's outputs as text: standard output, and values as text."
    texts = [
        as_text(output.get("text") or output.get("data", {}).get("text/plain", ""))
        for output in outputs
        if output.get("name") != "stderr"
    ]
    return [line.rstrip() for line in "\n".join(text.rstrip("\n") for text in texts if text.strip()).splitlines()]


def stored_form(output):
    "An output as notebooks keep it: text as a list of lines."
    lines = lambda key, value: (
        value if key.startswith("image/png") or not isinstance(value, str) else value.splitlines(True)
    )
    kept = {key: lines(key, value) if key == "text" else value for key, value in output.items()}
    if "data" in kept:
        kept["data"] = {key: lines(key, value) for key, value in kept["data"].items()}
    if kept["output_type"] == "execute_result":
        kept["execution_count"] = None
    return kept


def run(path, flags=()):
    "Run a notebook in this process. Returns the outputs of the cells that ran, by id, and the ids of those that vary."
    from execnb.shell import CaptureShell
    from nbdev.frontmatter import FrontmatterProc
    from nbdev.process import NBProcessor

    os.chdir(path.parent)
    notebook = NBProcessor(path, procs=FrontmatterProc, process=True).nb
    ran, varying = {}, set()

    def is_skipped(cell):
        if cell.cell_type != "code":
            return True
        marks = getattr(cell, "directives_", None) or {}
        if (SKIPPED - set(flags)) & marks.keys() or marks.get("eval:", [""])[0].lower() == "false":
            return True
        if "varies" in marks:
            varying.add(cell["id"])
        cell["outputs"] = []  # a cell that prints nothing would keep its stored outputs
        if FIXTURES.exists() or "fixtures" not in marks:
            ran[cell["id"]] = cell
        return False

    shell = CaptureShell(path, mpl_format="png")
    try:
        shell.run_all(notebook, exc_stop=True, preproc=is_skipped)
    except BaseException:
        sys.exit(shell.prettytb(fname=path))
    outputs = {name: json.loads(json.dumps(cell.get("outputs", []), default=dict)) for name, cell in ran.items()}
    return outputs, varying


def store(path, outputs):
    "Put outputs into a notebook."
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["id"] in outputs:
            cell["outputs"] = [stored_form(output) for output in outputs[cell["id"]] if output.get("name") != "stderr"]
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def differences(path, outputs, varying):
    "Unified diffs, one for each cell whose stored output is not what it prints."
    for place, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        if cell["id"] not in outputs or cell["id"] in varying:
            continue
        stored, new = printed(cell["outputs"]), printed(outputs[cell["id"]])
        if stored != new:
            yield "\n".join(
                difflib.unified_diff(
                    stored, new, f"{path.relative_to(ROOT)}, cell {place}, stored", "printed now", lineterm="", n=1
                )
            )


def one(path, write, flags):
    outputs, varying = run(path, flags)
    if write:
        store(path, outputs)
    else:
        if found := list(differences(path, outputs, varying)):
            print("\n".join(found), file=sys.stderr)
            sys.exit(DIFFERS)


def in_a_process(path, write, flags):
    begun = time.monotonic()
    command = [sys.executable, __file__, "--one", str(path), "--flags", flags, *["--write"] * write]
    done = subprocess.run(
        command, capture_output=True, text=True, env={"TQDM_DISABLE": "1", "IN_TEST": "1", **os.environ}
    )
    if flags:  # these take minutes
        failed = " failed" * bool(done.returncode)
        print(f"{time.monotonic() - begun:6.0f} s  {path.relative_to(ROOT)}{failed}", flush=True)
    return path, done.returncode, done.stderr if done.returncode else ""


def summary(statuses):
    "What the statuses of the processes mean, and what to do; an empty text if nothing is wrong."
    differing = statuses.count(DIFFERS)
    stopped = len(statuses) - statuses.count(0) - differing
    said = []
    if stopped:
        said.append(
            f"{stopped} of {len(statuses)} notebooks ended with an error. If a module is missing, install the extra "
            "dev: pip install -c constraints.txt -e '.[dev]'"
        )
    if differing:
        said.append(
            f"{differing} of {len(statuses)} notebooks do not print what is stored. "
            "If the new output is right: python docs/outputs.py --write NOTEBOOK"
        )
    return "\n".join(said)


def main():
    parser = argparse.ArgumentParser(description="Compare the stored outputs of notebooks with what they print.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="by default all")
    parser.add_argument("--write", action="store_true", help="store the outputs of this run")
    parser.add_argument("--flags", default="", help="marks whose cells run all the same: 'slow'")
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1), help="notebooks at a time")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        return one(given.one.resolve(), given.write, given.flags.split())
    paths = list(dict.fromkeys(path.resolve() for path in given.notebooks)) or sorted(
        path for path in (ROOT / "nbs").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
    )
    with ThreadPoolExecutor(given.workers) as pool:
        results = list(pool.map(lambda path: in_a_process(path, given.write, given.flags), paths))
    for path, status, said in results:
        if status:
            print(f"\n== {path.relative_to(ROOT)}\n{said.strip()}")
    if problems := summary([status for _, status, _ in results]):
        sys.exit(f"\n{problems}")
    print(f"{len(paths)} notebooks {'stored' if given.write else 'print what is stored in them'}.")


if __name__ == "__main__":
    main()
