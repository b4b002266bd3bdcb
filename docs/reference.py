"""The pages of the reference: names by module and room, and the command line, from what the code itself states."""

import inspect
from collections import defaultdict
from importlib import import_module

HEAD = "| | |\n|---|---|"


def cell(text):
    "Text for a cell of a Markdown table."
    return " ".join(text.split()).replace("|", "\\|")


def first_line(symbol):
    "The first paragraph of a docstring."
    return cell((inspect.getdoc(symbol) or "").split("\n\n")[0])


def front_door(package, chapters):
    "What can be imported from the package itself, in the order of the chapters that define it."
    place = {chapter.module: number for number, chapter in enumerate(chapters)}
    homes = defaultdict(list)
    for name in import_module(package).__all__:
        if not name.startswith("_"):
            homes[import_module(package)._MODULE_OF[name]].append(name)
    rows = []
    for module in sorted(homes, key=place.__getitem__):
        for name in homes[module]:
            symbol = getattr(import_module(package), name)
            target = (
                f"{{py:obj}}`{name} <{package}.{module}.{name}>`"
                if inspect.isroutine(symbol) or inspect.isclass(symbol)
                else f"`{name}`"
            )
            rows.append(f"| {target} | {first_line(symbol) if callable(symbol) else repr(symbol)} |")
    return "\n".join([HEAD, *rows])


def module_page(page, package, chapter):
    "The documentation of one module."
    return "\n".join(
        [
            f"# {page.module}",
            "",
            f"{page.summary} How and why: the chapter [{page.title}]({chapter}).",
            "",
            "```{documented}",
            f".. automodule:: {package}.{page.module}",
            "   :members:",
            "   :undoc-members:",
            "   :member-order: bysource",
            "```",
            "",
        ]
    )


def module_table(pages):
    "Modules, what each is for, and its chapter."
    rows = [
        f"| [`{page.module}`]({page.module}.md) | {cell(page.summary)} | [{cell(page.title)}](../{page.site}) |"
        for page in pages
    ]
    return "\n".join(["| Module | What it is for | Chapter |", "|---|---|---|", *rows])


def command_line(app, name):
    "The page of the command line, from the help that Typer prints."
    from typer.main import get_command

    group = get_command(app)
    context = group.context_class(group, info_name=name)
    lines = [
        "# The command line",
        "",
        f"{group.help or ''} `{name} COMMAND --help` prints the text below; `{name} --version` prints the version.",
        "",
    ]
    lines += [
        HEAD,
        *(
            f"| [`{command}`](#{command}) | {cell(group.commands[command].help.split(chr(10) * 2)[0])} |"
            for command in group.commands
        ),
        "",
    ]
    for command, parts in group.commands.items():
        lines += _command(parts, group.context_class(parts, info_name=command, parent=context))
    return "\n".join(lines)


def _command(command, context):
    usage = " ".join(command.get_usage(context).removeprefix("Usage:").split())
    yield from [f"## {context.info_name}", "", "```text", usage, "```", "", inspect.cleandoc(command.help or ""), ""]
    records = [param.get_help_record(context) for param in command.get_params(context)]
    yield from [HEAD, *(f"| `{cell(option)}` | {cell(text)} |" for option, text in filter(None, records)), ""]
