"""What builds on what in the library: the drawings on the pages of its rooms, from the imports of its modules."""

from drawing import Entry, direct, drawing
from rooms import chapters, imports
from site_map import NOTEBOOKS


class Library:
    """The rooms, their chapters, and the imports among them.

    Parameters
    ----------
    section : site_map.Section
        The library: one section for each room.
    pages : dict of pathlib.Path → pages.Page
        By notebook, relative to the folder of notebooks.
    """

    def __init__(self, section, pages):
        self.index, self.rooms, self.pages = section.index, section.pages, pages
        self.chapters = chapters()
        pairs = imports(self.chapters)
        self.imports = [
            (source.path.relative_to(NOTEBOOKS), target.path.relative_to(NOTEBOOKS)) for source, target in pairs
        ]
        self.arrows = {(source.room, target.room) for source, target in pairs if source.room != target.room}

    def title(self, room):
        return self.pages[room.index].title

    def draw_rooms(self):
        "The rooms, and on which each builds directly."
        names = [room.name for room in self.rooms]
        uses = direct(
            [[names.index(name) for name in names if (room.name, name) in self.arrows] for room in self.rooms]
        )
        rows = [
            Entry(f"{room.name}/index.html", self.title(room), self.pages[room.index].summary, places)
            for room, places in zip(self.rooms, uses)
        ]
        intro = (
            "Each room uses only rooms above it. An arc joins a room to those that it builds on. What follows from "
            "other arcs is left out, so almost everything uses *Core* without an arc of its own."
        )
        return f"## The rooms\n\n{intro}\n\n{drawing(rows)}\n\n"

    def draw_chapters(self, room):
        "The chapters of a room, and which earlier ones each imports."
        places = {path: place for place, path in enumerate(room.pages)}
        pages = [self.pages[path] for path in room.pages]
        rows = [
            Entry(page.site.with_suffix(".html").name, page.title, page.summary, self._used(page.path, places))
            for page in pages
        ]
        intro = "In reading order. An arc joins a chapter to the earlier chapters of this room that it uses."
        return f"## The chapters\n\n{intro}\n\n{drawing(rows)}\n\n"

    def _used(self, path, places):
        return tuple(places[target] for source, target in self.imports if source == path and target in places)

    def neighbours(self, room):
        "Two lines: the rooms that a room builds on, and those that use it."
        below = [self._link(other) for other in self.rooms if (room.name, other.name) in self.arrows]
        above = [self._link(other) for other in self.rooms if (other.name, room.name) in self.arrows]
        lines = [("Builds on", below), ("Used by", above)]
        return "\\\n".join(f"**{what}** {', '.join(links) or 'no other room'}." for what, links in lines) + "\n\n"

    def _link(self, room):
        return f"[{self.title(room)}](../{room.name}/index.ipynb)"
