"""Package metadata, read from settings.ini so that it is stated once."""

import os
import re
import sys
from configparser import ConfigParser
from pathlib import Path

from setuptools import Extension, find_packages, setup

here = Path(__file__).parent
config = ConfigParser(delimiters=["="])
config.read(here / "settings.ini", encoding="utf-8")
settings = config["DEFAULT"]

source = f"{settings['git_url']}/blob/{settings['branch']}"
documentation = f"{settings['doc_host']}{settings['doc_baseurl']}"
extras = {
    key.removesuffix("_requirements"): settings[key].split()
    for key in settings
    if key.endswith("_requirements")
}
first, last = (int(settings[key].split(".")[1]) for key in ("min_python", "max_python"))


def readme():
    "The README, with links that also work outside the repository."
    text = (here / "README.md").read_text(encoding="utf-8")
    pictures = source.replace("/blob/", "/raw/")
    text = re.sub(r"(!\[[^\]]*\])\((?!https?:)", rf"\1({pictures}/", text)
    return re.sub(r"(?<!!)(\[[^\]]*\])\((?!https?:|#)", rf"\1({source}/", text)


def extensions():
    "The C code as an extension module. Without a compiler it is left out, unless LSTM_PFD_H5_NATIVE is 1."
    wanted = os.environ.get("LSTM_PFD_H5_NATIVE")
    if wanted == "0":
        return []
    options = ["/O2", "/std:c11"] if sys.platform == "win32" else ["-O3", "-std=c11"]
    chapters = sorted(path.relative_to(here).as_posix() for path in (here / "lstm_pfd_h5").rglob("*/*.c"))
    return [
        Extension(
            "lstm_pfd_h5._native",
            ["lstm_pfd_h5/_native.c"],
            depends=chapters,
            extra_compile_args=options,
            optional=wanted != "1",
        )
    ]


setup(
    name=settings["lib_name"],
    version=settings["version"],
    description=settings["description"],
    long_description=readme(),
    long_description_content_type="text/markdown",
    author=settings["author"],
    author_email=settings["author_email"],
    url=settings["git_url"],
    project_urls={
        "Documentation": documentation,
        "Source": settings["git_url"],
        "Changelog": f"{source}/CHANGELOG.md",
        "Issues": f"{settings['git_url']}/issues",
    },
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=settings["keywords"].split(),
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Natural Language :: English",
        "Topic :: Scientific/Engineering",
        "Typing :: Typed",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(first, last + 1)),
    ],
    packages=find_packages(include=["lstm_pfd_h5", "lstm_pfd_h5.*"]),
    package_data={"lstm_pfd_h5": ["py.typed"]},
    python_requires=f">={settings['min_python']}",
    install_requires=settings["requirements"].split(),
    extras_require=extras,
    entry_points={
        "console_scripts": settings["console_scripts"].split(),
        "nbdev": [f"{settings['lib_name']}={settings['lib_name']}._modidx:d"],
    },
    ext_modules=extensions(),
    zip_safe=False,
)
