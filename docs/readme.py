"""Make README.md, and the picture in it, from nbs/index.ipynb.

python docs/readme.py            # write them
python docs/readme.py --check    # exit with status 1 if one is out of date
"""

import argparse
import base64
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = "docs/images/home.png"
NOTE = "<!-- Made from nbs/index.ipynb by `python docs/readme.py`: edit the notebook, not this file. -->"


def as_text(source):
    return source if isinstance(source, str) else "".join(source)


def code_block(source):
    lines = [line for line in source.splitlines() if not line.startswith("#|")]
    return "```python\n" + "\n".join(lines).strip("\n") + "\n```"


def picture(output):
    "The bytes of an output's PNG, or `None`."
    encoded = output.get("data", {}).get("image/png")
    return encoded and base64.b64decode(as_text(encoded))


def output_blocks(cell):
    for output in cell.get("outputs", []):
        if output.get("name") == "stderr":
            continue  # progress bars
        if picture(output):
            alt = re.search(r'^#\| fig-alt: "(.*)"$', as_text(cell["source"]), re.M)[1]
            yield f"![{alt}]({PICTURE})"
            continue
        text = as_text(output.get("text") or output.get("data", {}).get("text/plain", ""))
        if text.strip():
            yield "```text\n" + text.rstrip("\n") + "\n```"


def blocks(cell):
    source = as_text(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    directives = re.findall(r"^#\| *([\w-]+)", source, re.M)
    if "hide" in directives or not source.strip():
        return []
    shown = [] if "hide_input" in directives else [code_block(source)]
    return [*shown, *output_blocks(cell)]


def made_files():
    "The text of README.md and the bytes of its picture."
    cells = json.loads((ROOT / "nbs" / "index.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join([NOTE, *(block for cell in cells for block in blocks(cell))]) + "\n"
    pictures = [png for cell in cells for output in cell.get("outputs", []) if (png := picture(output))]
    if len(pictures) != 1:
        sys.exit(f"nbs/index.ipynb has {len(pictures)} pictures; README.md has place for one.")
    return {ROOT / "README.md": text.encode(), ROOT / PICTURE: pictures[0]}


def main():
    parser = argparse.ArgumentParser(description="Make README.md and its picture from nbs/index.ipynb.")
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    for path, content in made_files().items():
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        elif not path.exists() or path.read_bytes() != content:
            sys.exit(f"{path.relative_to(ROOT)} differs from nbs/index.ipynb. Run python docs/readme.py, and commit.")


if __name__ == "__main__":
    main()
