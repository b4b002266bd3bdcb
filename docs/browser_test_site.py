"""The built site in a real browser: python docs/browser_test_site.py"""

import sys
from contextlib import contextmanager
from pathlib import Path

from browser import browser, new_page, run, served
from conf import ROOT, settings

SITE = ROOT / settings["doc_path"]
CHAPTER, FIGURES, TABLES = (
    "guide/store/signal_reader.html",
    "guide/signal_model/shaft.html",
    "guide/core/constants.html",
)
FOUND_FIRST = {
    "gzip": "how_to/choose_a_compression.html",
    "split": "how_to/honest_splits.html",
    "resume": "how_to/resume_training.html",
    "CWRU": "data_sets/cwru.html",
    "num_workers": "how_to/several_workers.html",
    "slow": "how_to/fix_slow_random_access.html",
    "MATLAB": "how_to/migrate_from_matlab.html",
    "chunk": "how_to/fix_slow_random_access.html",
    "overlap": "how_to/windows_of_long_recordings.html",
    "sample": "glossary.html",
}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}
READABLE = 4.5  # the contrast that WCAG 2 asks of running text at level AA
CONTRAST_PAGES = ("index.html", CHAPTER, FIGURES, TABLES, "api/store.signal_reader.html", "guide/store/index.html")
PAINT_MS, PAGE_BYTES = 2500, 1_500_000

# The contrast of visible texts with their background, by the formula of WCAG 2; the worst of each kind of text
CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = color => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, below) => top.slice(0, 3).map((value, i) => value * top[3] / 255 + below[i] * (1 - top[3] / 255));
  const behind = node => { if (!node) return [255, 255, 255]; const own = rgba(getComputedStyle(node).backgroundColor);
                           return own[3] === 255 ? own.slice(0, 3) : over(own, behind(node.parentElement)); };
  const linear = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = color => {
    const [r, g, b] = color.map(value => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const visible = node => node.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const worst = {};
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement, style = getComputedStyle(node);
    const text = texts.currentNode.data.trim();
    if (!text || !visible(node) || node.closest('script, style, noscript')) continue;
    const below = behind(node), [a, b] = [light(over(rgba(style.color), below)), light(below)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = [node.tagName.toLowerCase(), ...node.classList].join('.');
    if (!(name in worst) || ratio < worst[name][0]) worst[name] = [Math.round(ratio * 100) / 100, text.slice(0, 30)];
  }
  return worst;
}"""
# What reaches beyond the screen without a frame of its own that scrolls, as code and tables have
WIDE = """() => {
  const framed = node => node && node.tagName !== 'ARTICLE'
    && (getComputedStyle(node).overflowX !== 'visible' || framed(node.parentElement));
  const wide = [...document.querySelectorAll('article *')].filter(node => {
    const box = node.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && !framed(node.parentElement);
  });
  const page = document.scrollingElement.scrollWidth > innerWidth ? ['the page'] : [];
  return [...wide.map(node => node.outerHTML.slice(0, 80)), ...page];
}"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
FOCUSED = (
    "document.activeElement.matches('a, input, button, label, summary, [tabindex]') && document.activeElement.outerHTML"
)


def pages():
    return sorted(
        path.relative_to(SITE).as_posix()
        for path in SITE.rglob("*.html")
        if "notebooks" not in path.relative_to(SITE).parts
    )


def expect(found, true, what):
    if not true:
        raise AssertionError(f"{what}: {found}")


def test_every_page():
    "Every page loads without an error and without a request to another host; each picture has a size and a text."
    with opened() as page:
        for name in pages():
            page.goto(ADDRESS + name)
            broken = page.eval_on_selector_all(
                "img", "all => all.filter(i => i.loading !== 'lazy' && !i.naturalWidth || !i.alt).map(i => i.src)"
            )
            expect(broken, not broken, f"{name} has pictures that are not there or say nothing")
            expect(
                name, name == "search.html" or page.locator("h1").count() == 1, "a page with no title, or with several"
            )


def test_figure_has_size():
    "A figure is drawn at more than a thumbnail's size."
    with opened() as page:
        page.goto(ADDRESS + FIGURES)
        box = page.locator(".cell_output img").first.bounding_box()
        expect(box, box["width"] > 300 and box["height"] > 80, "the figure")


def search(page, words):
    "The addresses that the search lists, best first."
    page.goto(ADDRESS + "index.html")
    page.fill(".sidebar-search", words)
    page.press(".sidebar-search", "Enter")
    page.wait_for_function(
        "document.querySelector('#search-results .search-summary')?.textContent.match(/found [1-9]/)"
    )
    return page.eval_on_selector_all("#search-results li a", "all => all.map(a => a.getAttribute('href'))")


def test_search():
    "The search finds a class, its chapter, and for each of ten words the right page first."
    with opened() as page:
        found = search(page, "SignalReader")
        for place in ("api/store.signal_reader.html", CHAPTER):
            expect(found, any(place in link for link in found), f"{place} is not found")
        for word, first in FOUND_FIRST.items():
            found = search(page, word)
            expect(found[:3], first in found[0], f"{first} is not the first result for {word}")


def test_home():
    "The home page shows its picture and the commands to start with on the first screen."
    with opened() as page:
        page.goto(ADDRESS + "index.html")
        for what in (".cell_output img", "#start pre"):
            box = page.locator(what).first.bounding_box()
            expect(box, box["y"] + box["height"] < 1000, f"{what} is below the first screen of 1280 × 1000")


def test_rooms():
    "Each room has a drawing of its chapters, whose links and arcs are there; so has the library."
    with opened() as page:
        for name in ("guide/index.html", "guide/store/index.html", "guide/signal_model/index.html"):
            page.goto(ADDRESS + name)
            rows, arcs = page.locator(".uses li a").count(), page.locator(".uses path").count()
            expect((rows, arcs), rows > 5 and arcs >= rows - 1, f"{name} draws too little")


def test_dark_mode():
    "Dark mode follows the system, and the button turns it."
    with opened(color_scheme="dark") as page:
        page.goto(ADDRESS + CHAPTER)
        dark = page.evaluate(BACKGROUND)
        expect(dark, sum(map(int, dark[4:-1].split(",")[:3])) < 150, "not dark although the system is")
        page.locator("button.theme-toggle:visible").first.click()
        expect(page.evaluate(BACKGROUND), page.evaluate(BACKGROUND) != dark, "the button does not turn the mode")


def test_contrast():
    "Texts, code, tables and signatures have a contrast of 4.5 or more in both modes."
    for scheme in ("light", "dark"):
        with opened(color_scheme=scheme) as page:
            for name in CONTRAST_PAGES:
                page.goto(ADDRESS + name)
                page.wait_for_timeout(400)  # furo's colours fade in
                weak = {kind: worst for kind, worst in page.evaluate(CONTRAST).items() if worst[0] < READABLE}
                expect(weak, not weak, f"hard to read on {name} in {scheme}")


def test_phone():
    "On a screen of 390 pixels no page scrolls sideways."
    with opened(**PHONE) as page:
        for name in pages():
            page.goto(ADDRESS + name)
            wide = page.evaluate(WIDE)
            expect(wide, not wide, f"{name} is wider than the screen")


def test_keyboard():
    "Tab and Enter reach the search, the menu and the text."
    with opened() as page:
        page.goto(ADDRESS + CHAPTER)
        reached = []
        for _ in range(25):
            page.keyboard.press("Tab")
            reached.append(str(page.evaluate(FOCUSED)))
        for what in ("skip-to-content", "sidebar-search", "tutorials/index.html"):
            expect(reached, any(what in place for place in reached), f"Tab does not reach {what}")
    with opened(**PHONE) as page:
        page.goto(ADDRESS + CHAPTER)
        page.locator("label[for=__navigation], button.nav-overlay-icon").first.press("Enter")
        page.wait_for_timeout(400)
        expect("closed", page.locator(".sidebar-search").is_visible(), "Enter does not open the menu")


def test_weight():
    "A chapter is light, and something is painted soon."
    with opened() as page:
        sizes = []
        page.on("response", lambda response: sizes.append(len(response.body())))
        for name in ("index.html", CHAPTER):
            sizes.clear()
            page.goto(ADDRESS + name)
            page.wait_for_load_state("networkidle")
            paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            print(f"       {name}: {sum(sizes) / 1000:.0f} kB, first paint after {paint:.0f} ms")
            expect(sum(sizes), sum(sizes) < PAGE_BYTES, f"{name} is heavy")
            expect(paint, paint < PAINT_MS, f"{name} is slow")


def test_notebook():
    "The notebook of a page can be downloaded from the site."
    with opened() as page:
        page.goto(ADDRESS + CHAPTER)
        with page.expect_download() as download:
            page.get_by_text("Download this notebook").click()
        text = Path(download.value.path()).read_text(encoding="utf-8")
        there = next((ROOT / settings["nbs_path"]).glob("guide/*_store/*_signal_reader.ipynb"))
        expect(text[:80], text == there.read_text(encoding="utf-8"), "not the notebook")


@contextmanager
def opened(**options):
    "A page of the site. At the end it must have had no errors and no requests to other hosts."
    with new_page(BROWSER, **options) as (page, watch):
        yield page
        expect(watch.foreign, not watch.foreign, "requests to other hosts")
        expect(watch.errors + watch.complaints, not watch.errors + watch.complaints, "errors in the console")


if __name__ == "__main__":
    if not (SITE / "index.html").exists():
        sys.exit(f"There is no site in {SITE}: run python docs/build.py first.")
    with browser() as BROWSER, served(SITE) as ADDRESS:
        run([value for name, value in list(globals().items()) if name.startswith("test_")])
