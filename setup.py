"""Package metadata, read from settings.ini so that it stands in one place."""
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
config = ConfigParser(delimiters=["="])
config.read(here / "settings.ini", encoding="utf-8")
settings = config["DEFAULT"]

extras = {
    key.removesuffix("_requirements"): settings[key].split()
    for key in settings
    if key.endswith("_requirements")
}
first, last = (int(settings[key].split(".")[1]) for key in ("min_python", "max_python"))

setup(
    name=settings["lib_name"],
    version=settings["version"],
    description=settings["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=settings["author"],
    author_email=settings["author_email"],
    url=settings["git_url"],
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=settings["keywords"].split(),
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Natural Language :: English",
        "Topic :: Scientific/Engineering",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(first, last + 1)),
    ],
    packages=find_packages(include=["lstm_pfd_h5", "lstm_pfd_h5.*"]),
    python_requires=f">={settings['min_python']}",
    install_requires=settings["requirements"].split(),
    extras_require=extras,
    entry_points={
        "console_scripts": settings["console_scripts"].split(),
        "nbdev": [f"{settings['lib_name']}={settings['lib_name']}._modidx:d"],
    },
    zip_safe=False,
)
