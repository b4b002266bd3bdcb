"""Drawings of what builds on what: a list of links, each joined by an arc to the earlier entries that it uses.

The rows of the list have the same height and the arcs are stretched over them, so a drawing fits a phone without a
script. Colours follow the theme of the page (static/site.css).
"""

import html
import re
from dataclasses import dataclass

ARC_WIDTH = 100  # of the drawing's own units; the style sheet says how wide that is


@dataclass(frozen=True)
class Entry:
    "One row: where it leads, its name, one line about it, and the places of the earlier rows that it uses."

    address: str
    name: str
    summary: str
    uses: tuple


def inline(text):
    "A line of Markdown with `code`, *emphasis* and links as HTML."
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", html.escape(text, quote=False))
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", text)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)


def arc(start, end, longest):
    "The path from row `start` up to row `end`; the longer the way, the further it swings out."
    swing = ARC_WIDTH * (0.25 + 0.75 * (start - end) / longest)
    left = ARC_WIDTH - swing * 4 / 3  # a cubic curve reaches three quarters of the way to its control points
    return (
        f'<path class="from-{start} to-{end}" d="M{ARC_WIDTH} {start + 0.5} '
        f'C{left:.1f} {start + 0.5} {left:.1f} {end + 0.5} {ARC_WIDTH} {end + 0.5}"/>'
    )


def row(entries, place):
    "A row of the list. Which rows it uses is in the text, too, for readers who do not see the arcs."
    entry = entries[place]
    uses = ", ".join(inline(entries[other].name) for other in entry.uses)
    hidden = f'<span class="uses-text">Uses {uses}.</span>' if uses else ""
    link = f'<a href="{entry.address}">{inline(entry.name)}</a>'
    return f'<li class="row-{place}">{link}<span>{inline(entry.summary)}</span>{hidden}</li>'


def highlight(place):
    "The style rule by which the arcs of a row stand out while the pointer or the keyboard is on it."
    on_row = f".uses:has(.row-{place}:is(:hover, :focus-within))"
    return f"{on_row} path:not(.from-{place}, .to-{place}) {{ stroke-opacity: 0.08 }}"


def direct(uses):
    """Without what follows from the rest: a row that uses B, which uses C, needs no arc to C.

    `uses` holds the places that each row uses.
    """
    reached = []
    for places in uses:
        reached.append(set(places).union(*(reached[place] for place in places)))
    return [tuple(place for place in places if not any(place in reached[other] for other in places)) for places in uses]


def drawing(entries):
    "The HTML of a drawing. It has no empty line, which would end it in Markdown."
    pairs = [(place, other) for place, entry in enumerate(entries) for other in entry.uses]
    longest = max((start - end for start, end in pairs), default=1)
    arcs = "".join(arc(start, end, longest) for start, end in sorted(pairs, key=lambda pair: pair[1] - pair[0]))
    view = f'viewBox="0 0 {ARC_WIDTH} {len(entries)}" preserveAspectRatio="none" aria-hidden="true"'
    places = range(len(entries))
    return "\n".join(
        [
            '<div class="uses">',
            f"<style>{' '.join(map(highlight, places))}</style>",
            f"<svg {view}>{arcs}</svg>",
            "<ol>",
            *(row(entries, place) for place in places),
            "</ol>",
            "</div>",
        ]
    )
