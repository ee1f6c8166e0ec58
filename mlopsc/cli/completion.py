"""`mlopsc completion`: a shell's completion script, made from the parsers themselves."""

from __future__ import annotations

import argparse
from importlib import import_module

from mlopsc.cli import options
from mlopsc.cli.table import COMMANDS, MODULES

EXAMPLE = (
    "  mlopsc completion bash > ~/.local/share/bash-completion/completions/mlopsc\n"
    "  mlopsc completion zsh > ~/.zfunc/_mlopsc\n"
    "  mlopsc completion fish > ~/.config/fish/completions/mlopsc.fish"
)

Options = dict[str, list[tuple[list[str], str, list[str]]]]  # command -> (flags, help, choices)


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])


def run(args: argparse.Namespace) -> int:
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell]
    print(script(_options()), end="")
    return 0


def _options() -> Options:
    found: Options = {}
    for command, module in MODULES.items():
        parser = options.build(command, import_module(f"mlopsc.cli.{module}"))
        found[command] = [
            (list(action.option_strings), action.help or "", [str(choice) for choice in action.choices or []])
            for action in parser._actions
            if action.help is not argparse.SUPPRESS
        ]
    return found


def _bash(found: Options) -> str:
    cases, values = [], []
    for command, actions in found.items():
        flags = " ".join(flag for names, _, _ in actions for flag in names)
        words = " ".join(choice for names, _, choices in actions if not names for choice in choices)
        cases.append(f'    {command}) words="{flags}{" " + words if words else ""}" ;;')
        for names, _, choices in actions:
            if names and choices:
                keys = "|".join(f"{command}:{name}" for name in names)
                values.append(f'    {keys}) COMPREPLY=($(compgen -W "{" ".join(choices)}" -- "$word")); return ;;')
    return f"""\
# bash completion of mlopsc
_mlopsc() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" command="${{COMP_WORDS[1]}}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{" ".join(found)} --help --version" -- "$word"))
    return
  fi
  case "$command:$before" in
{chr(10).join(values)}
  esac
  case "$command" in
{chr(10).join(cases)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word"))
}}
complete -o filenames -F _mlopsc mlopsc
"""


def _zsh(found: Options) -> str:
    commands = "\n".join(f"    '{name}:{_plain(COMMANDS[name][1])}'" for name in found)
    cases = []
    for command, actions in found.items():
        lines = []
        for names, about, choices in actions:
            value = f":value:({' '.join(choices)})" if choices else ""
            lines += [f"'{name}[{_plain(about)}]{value}'" for name in names]
            if not names and choices:
                lines.append(f"'*:word:({' '.join(choices)})'")
        lines.append("'*:file:_files'")
        cases.append(f"    {command}) _arguments {' '.join(lines)} ;;")
    return f"""\
#compdef mlopsc
_mlopsc() {{
  local -a commands
  commands=(
{commands}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
{chr(10).join(cases)}
  esac
}}
compdef _mlopsc mlopsc
"""


def _fish(found: Options) -> str:
    lines = ["# fish completion of mlopsc"]
    for command, actions in found.items():
        does = _plain(COMMANDS[command][1])
        lines.append(f"complete -c mlopsc -n __fish_use_subcommand -a {command} -d '{does}'")
        seen = f"-n '__fish_seen_subcommand_from {command}'"
        for names, about, choices in actions:
            flags = "".join(f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in names)
            value = f" -xa '{' '.join(choices)}'" if choices else ""
            lines.append(f"complete -c mlopsc {seen}{flags}{value} -d '{_plain(about)}'")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that stands unchanged inside the quotes and brackets of all three shells."""
    return "".join(c for c in text if c not in "'\"[]():\\`$").replace("%%", "%")
