"""What is wrong with a built site: links that lead nowhere, figures without a text, requests to other hosts.

python docs/check_site.py _docs
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {
    "img": "src",
    "script": "src",
    "iframe": "src",
    "source": "src",
    "link": "href",
    "video": "src",
    "audio": "src",
}
HINTS = {"canonical", "next", "prev", "search", "index", "author"}  # what a <link> names without fetching it


class Reader(HTMLParser):
    "Anchors, links, fetched addresses and pictures of one page."

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.anchors, self.links, self.fetched, self.silent = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "img" and not (given.get("alt") or "").strip():
            self.silent.append(given.get("src", ""))
        if tag in FETCHED and given.get(FETCHED[tag]) and not HINTS & set((given.get("rel") or "").split()):
            self.fetched.append(given[FETCHED[tag]])


def target_of(site, page, address):
    "The file that a relative address on a page means."
    path = unquote(urlsplit(address).path)
    target = (page.parent / path if path else page).resolve()
    return target / "index.html" if target.is_dir() else target


def problems_of(site, page, readers):
    "One line for each thing that is wrong with a page."
    name, reader = page.relative_to(site), readers[page]
    yield from (f"{name}: a figure without an alternative text ({source[:60]})" for source in reader.silent)
    yield from (
        f"{name}: fetches {address} from another host" for address in reader.fetched if urlsplit(address).netloc
    )
    for address in [*reader.links, *reader.fetched]:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = target_of(site, page, address)
        if not target.exists():
            yield f"{name}: a link to {address}, which does not exist"
        elif parts.fragment and target in readers and unquote(parts.fragment) not in readers[target].anchors:
            yield f"{name}: a link to {address}, where {target.name} has no such place"


def problems_in(site):
    "All of them, sorted by page."
    site = Path(site).resolve()
    readers = {page: Reader(page.read_text(encoding="utf-8")) for page in sorted(site.rglob("*.html"))}
    if not readers:
        return [f"{site} holds no page"]
    return [problem for page in readers for problem in problems_of(site, page, readers)]


if __name__ == "__main__":
    found = problems_in(sys.argv[1])
    sys.exit("\n".join(found) if found else 0)
