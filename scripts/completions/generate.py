#!/usr/bin/env python3
"""Writes a tool's completions for zsh and fish out of its --help.

    scripts/completions/generate.py TOOL_PATH…            writes scripts/completions/TOOL.zsh and TOOL.fish
    scripts/completions/generate.py --check TOOL_PATH…    writes nothing: are they what --help says now?

What an option takes is read off its metavariable: "auto|always|never" are the words to offer, FILE is a file, ADDRESS
one of this host's, SERVER a host name; of anything else nothing is known. The completions for bash are written by hand.
Exit status: 0 written, or as they should be; 1 not (one line for each file), 2 wrong usage.
"""

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
OPTION = re.compile(r"^ {2,6}(?:(-\w), |    )(--[a-z][a-z0-9-]*)(?: ([^ ]+))?(?:  +(.*))?$")
COMMAND = re.compile(r"^  ([a-z][a-z0-9-]*)  +(.*)$")
MORE = re.compile(r"^ {20,}(\S.*)$")
ARGUMENT = re.compile(r"^  ([A-Z]+)(?:\.\.\.)?  ")
OWN_ADDRESSES = r"""ip -o address 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }'"""


@dataclass
class Option:
    short: str
    long: str
    takes: str
    words: str
    repeatable: bool = False


@dataclass
class Help:
    """One --help: of a tool, or of one of its commands."""
    options: list[Option] = field(default_factory=list)
    commands: list[tuple[str, str]] = field(default_factory=list)
    argument: str = ""


def first_clause(words: str) -> str:
    """A line for a menu: to the first semicolon, without what it defaults to."""
    text = re.sub(r" *\((default: [^)]*|repeatable)\)", "", words)
    return re.split(r"; | \(|: ", text)[0].strip().rstrip(",")


def read_help(*command: str) -> Help:
    text = subprocess.run([*command, "--help"], check=True, capture_output=True, text=True, timeout=30).stdout
    found, title, entries = Help(), "", []
    for line in text.splitlines():
        if re.match(r"^\S.*:$", line):
            title = line[:-1]
        elif not line.startswith(" "):
            title = title if not line else ""
        elif title == "Commands" and (command_line := COMMAND.match(line)):
            entries.append(["command", *command_line.groups()])
        elif title == "Examples":
            continue
        elif title and (option := OPTION.match(line)):
            entries.append(["option", *(part or "" for part in option.groups())])
        elif entries and title and (more := MORE.match(line)):
            entries[-1][-1] = f"{entries[-1][-1]} {more.group(1)}".strip()
        if not title and not found.argument and (argument := ARGUMENT.match(line)):
            found.argument = argument.group(1)
    for kind, *parts in entries:
        if kind == "command":
            found.commands.append((parts[0], first_clause(parts[1])))
        else:
            found.options.append(Option(*parts[:3], first_clause(parts[3]), "(repeatable)" in parts[3]))
    return found


# zsh.

def zsh_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_words(text: str) -> str:
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def zsh_action(takes: str) -> str:
    if "|" in takes and takes == takes.lower():
        return f"({takes.replace('|', ' ')})"
    addresses = '{_wanted addresses expl address compadd -- ${(f)"$(%s)"}}' % OWN_ADDRESSES
    kinds = {"FILE": "_files", "SERVER": "_hosts", "ADDRESS": addresses}
    return kinds.get(takes.partition("[")[0], " ")


def zsh_option(option: Option) -> str:
    value = f":{zsh_words(option.takes)}:{zsh_action(option.takes)}" if option.takes else ""
    words = f"[{zsh_words(option.words)}]{value}"
    many = "*" if option.repeatable or option.long == "--verbose" else ""
    if not option.short:
        return zsh_quoted(f"{many}{option.long}{words}")
    before = many or f"({option.short} {option.long})"
    return f"{zsh_quoted(before)}{{{option.short},{option.long}}}{zsh_quoted(words)}"


def zsh_arguments(indent: str, option_lists: list[list[Option]], *rest: str) -> str:
    lines = [zsh_option(option) for options in option_lists for option in options] + [zsh_quoted(one) for one in rest]
    return f"{indent}_arguments -s -S " + f" \\\n{indent}  ".join(lines) + "\n"


def zsh_rest(takes: str) -> list[str]:
    return [f"*:{takes}:{zsh_action(takes)}"] if takes else []


def zsh(tool: str, top: Help, commands: dict[str, Help]) -> str:
    name = "_" + tool.replace("-", "_")
    out = f"#compdef {tool}\n# Made from --help by scripts/completions/generate.py.\n{name}() {{\n"
    if not commands:
        return out + zsh_arguments("  ", [top.options], *zsh_rest(top.argument)) + f"}}\n{name} \"$@\"\n"
    out += "  local curcontext=$curcontext state line\n  typeset -A opt_args\n"
    chosen = zsh_arguments("  ", [top.options], "1:command:->command", "*::argument:->argument")
    out += chosen.replace("-s -S", "-C -s -S", 1)
    out += "  case $state in\n    command)\n      local -a commands=(\n"
    out += "".join(f"        {zsh_quoted(f'{command}:{zsh_words(words)}')}\n" for command, words in top.commands)
    out += "      )\n      _describe command commands ;;\n    argument)\n      case $words[1] in\n"
    for command, own in commands.items():
        taken = zsh_arguments("          ", [own.options, top.options], *zsh_rest(own.argument))
        out += f"        {command})\n{taken}          ;;\n"
    return out + f"      esac ;;\n  esac\n}}\n{name} \"$@\"\n"


# fish.

def fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish_value(takes: str) -> str:
    if not takes:
        return ""
    if "|" in takes and takes == takes.lower():
        return f" -x -a {fish_quoted(takes.replace('|', ' '))}"
    addresses = f" -x -a {fish_quoted(f'({OWN_ADDRESSES})')}"
    kinds = {"FILE": " -r -F", "SERVER": " -x -a '(__fish_print_hostnames)'", "ADDRESS": addresses}
    return kinds.get(takes.partition("[")[0], " -x")


def fish_option(tool: str, option: Option, condition: str) -> str:
    short = f" -s {option.short[1:]}" if option.short else ""
    name = f"{short} -l {option.long[2:]}"
    return f"complete -c {tool}{condition}{name}{fish_value(option.takes)} -d {fish_quoted(option.words)}\n"


def fish(tool: str, top: Help, commands: dict[str, Help]) -> str:
    out = f"# Made from --help by scripts/completions/generate.py.\ncomplete -c {tool} -f\n"
    out += "".join(fish_option(tool, option, "") for option in top.options)
    for command, words in top.commands:
        out += f"complete -c {tool} -n __fish_use_subcommand -a {command} -d {fish_quoted(words)}\n"
    for command, own in commands.items():
        condition = f" -n '__fish_seen_subcommand_from {command}'"
        out += "".join(fish_option(tool, option, condition) for option in own.options)
    return out


def main(arguments: list[str]) -> int:
    checks = arguments[:1] == ["--check"]
    tools = arguments[1:] if checks else arguments
    if not tools or any(one.startswith("-") for one in tools):
        print(__doc__, file=sys.stderr)
        return 2
    differing = 0
    for path in tools:
        tool, top = Path(path).name, read_help(path)
        commands = {command: read_help(path, command) for command, _ in top.commands}
        for shell, write in (("zsh", zsh), ("fish", fish)):
            file, text = FOLDER / f"{tool}.{shell}", write(tool, top, commands)
            if not checks:
                file.write_text(text)
            elif not file.is_file() or file.read_text() != text:
                differing += 1
                print(f"{file.name} is not what {tool} --help says: run scripts/completions/generate.py {path}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
