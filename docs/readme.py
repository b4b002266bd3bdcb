"""Make README.md from nbs/index.ipynb.

    python docs/readme.py            # write it
    python docs/readme.py --check    # exit with status 1 if it is out of date
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made from nbs/index.ipynb by `python docs/readme.py`: edit the notebook, not this file. -->"


def as_text(source):
    return source if isinstance(source, str) else "".join(source)


def code_block(source):
    lines = [line for line in source.splitlines() if not line.startswith("#|")]
    return "```python\n" + "\n".join(lines).strip("\n") + "\n```"


def output_blocks(cell):
    for output in cell.get("outputs", []):
        if output.get("name") == "stderr": continue  # progress bars
        text = as_text(output.get("text") or output.get("data", {}).get("text/plain", ""))
        if text.strip(): yield "```text\n" + text.rstrip("\n") + "\n```"


def blocks(cell):
    source = as_text(cell["source"])
    if cell["cell_type"] == "markdown": return [source]
    if source.startswith("#| hide") or not source.strip(): return []
    return [code_block(source), *output_blocks(cell)]


def readme(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join([NOTE, *(block for cell in cells for block in blocks(cell))]) + "\n"


def main():
    parser = argparse.ArgumentParser(description="Make README.md from nbs/index.ipynb.")
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    target, text = ROOT / "README.md", readme(ROOT / "nbs" / "index.ipynb")
    if not check: target.write_text(text, encoding="utf-8")
    elif not target.exists() or target.read_text(encoding="utf-8") != text:
        sys.exit("README.md differs from nbs/index.ipynb: run python docs/readme.py and commit what it makes.")


if __name__ == "__main__":
    main()
