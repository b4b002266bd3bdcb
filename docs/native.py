"""Collect the C code of the chapters in files that the extension module is compiled from.

    python docs/native.py            # write them
    python docs/native.py --check    # exit with status 1 and name those that are out of date

A block of C in a markdown cell of a chapter, between ```c and ```, belongs to the file next to the chapter's module:
`lstm_pfd_h5/codecs/byte_planes.c`. `lstm_pfd_h5/_native.c` includes these files in the order of the chapters, so that
C code uses only what earlier chapters define, and lists the functions that Python can call, those defined by
`METHOD(name)`.
"""

import argparse
import json
import re
import sys
import zlib

from rooms import PACKAGE, ROOT, chapters

NOTE = "/* Made from {} by `python docs/native.py`: edit the notebook, not this file. */\n"
MODULE = """
static PyMethodDef methods[] = {
%s    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddStringConstant(module, "SOURCE", SOURCE) < 0) { Py_DECREF(module); return NULL; }
    return module;
}
"""


def c_code(path):
    "The blocks of C in a notebook's markdown cells, in order."
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    blocks = [block for text in texts for block in re.findall(r"^```c\n(.*?)^```", text, re.M | re.S)]
    return "\n\n".join(block.strip("\n") for block in blocks)


def made_files():
    "Path → text of each file, `_native.c` last."
    files = {
        chapter.file.with_suffix(".c"): NOTE.format(chapter.path.relative_to(ROOT).as_posix()) + "\n" + code + "\n"
        for chapter in chapters()
        if (code := c_code(chapter.path))
    }
    includes = "".join(f'#include "{path.relative_to(ROOT / PACKAGE).as_posix()}"\n' for path in files)
    names = re.findall(r"^METHOD\((\w+)\)", "\n".join(files.values()), re.M)
    table = "".join(f'    {{"{name}", native_{name}, METH_VARARGS, NULL}},\n' for name in names)
    source = f'#define SOURCE "{zlib.crc32("".join(files.values()).encode()):08x}"\n'
    source += NOTE.format("the chapters") + "\n" + includes + MODULE % table
    return files | {ROOT / PACKAGE / "_native.c": source}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    files = made_files()
    left_over = [path for path in (ROOT / PACKAGE).rglob("*.c") if path not in files]
    changed = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if check and (changed or left_over):
        names = [str(path.relative_to(ROOT)) for path in changed + left_over]
        sys.exit("\n".join(f"{name} is out of date: run python docs/native.py" for name in names))
    for path in left_over:
        path.unlink()
    for path in changed:
        path.write_text(files[path], encoding="utf-8", newline="\n")
    print(f"{len(files)} files of C, {len(changed)} of them changed.")


if __name__ == "__main__":
    main()
