"""The command line: words in, text and exit codes out. Most run in this process; what a process is about runs in its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlopsc import __version__
from mlopsc.cli import main as front
from mlopsc.cli import options
from mlopsc.cli.main import guarded
from mlopsc.cli.table import COMMANDS, MODULES

CLEAN = """\
edition 2026

pipeline p {
  about = "Small."
}

data d {
  source = csv("d.csv")

  columns {
    a : int
    b : bool
  }
}

features f from d {
  a
}

model m from f {
  target    = b
  algorithm = logistic_regression()
}
"""
TYPO = CLEAN.replace("target    = b", "target    = bb")
WARNS = CLEAN + "\nchannel idle = webhook(secret(\"X\"))\n"  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPSC_STORE", raising=False)
    for name, text in (("clean", CLEAN), ("typo", TYPO), ("warns", WARNS)):
        (tmp_path / f"{name}.mlops").write_text(text, encoding="utf-8")
    return tmp_path


Out = pytest.CaptureFixture[str]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: Out) -> None:
    assert guarded([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"usage: mlopsc {command}" in shown
    assert f"example:\n  mlopsc {command}" in shown
    assert "--quiet" in shown
    assert "--verbose" in shown


def test_version_and_help_and_no_command(capsys: Out) -> None:
    assert guarded(["--version"]) == 0
    assert capsys.readouterr().out == f"mlopsc {__version__}\n"
    assert guarded(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n  {command} " in listed for command in COMMANDS)
    assert guarded(["help", "fmt"]) == 0
    assert "usage: mlopsc fmt" in capsys.readouterr().out
    assert guarded([]) == 2


def test_an_unknown_command_is_told_the_nearest_one(capsys: Out) -> None:
    assert guarded(["chekc"]) == 2
    assert capsys.readouterr().err == "mlopsc: unknown command 'chekc'; did you mean check?\n"


@pytest.mark.parametrize(
    "words", [["check"], ["check", "x", "--format", "yaml"], ["run", "x", "--jobs", "0"], ["fmt", "--nope", "x"]]
)
def test_wrong_usage_is_one_line_and_exit_code_2(words: list[str], capsys: Out) -> None:
    assert guarded(words) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"see 'mlopsc {words[0]} --help'" in told


@pytest.mark.parametrize("command", ["rollback", "serve", "monitor"])
def test_commands_of_a_later_release_say_so_and_exit_with_2(command: str, capsys: Out) -> None:
    words = {"monitor": ["x.mlops", "w"]}.get(command, ["x"])
    assert guarded([command, *words]) == 2
    assert "not in this release" in capsys.readouterr().err


def test_check_exit_codes(here: Path, capsys: Out) -> None:
    """0 clean, 0 for warnings alone, 1 with --strict or an error, 2 for what cannot be read."""
    assert guarded(["check", "clean.mlops"]) == 0
    assert guarded(["check", "warns.mlops"]) == 0
    assert guarded(["check", "warns.mlops", "--strict"]) == 1
    assert guarded(["check", "typo.mlops"]) == 1
    capsys.readouterr()
    assert guarded(["check", "none.mlops", "typo.mlops", "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert [(d["name"], d["file"]) for d in found["diagnostics"]] == [
        ("unreadable-file", "none.mlops"),
        ("unknown-column", "typo.mlops"),
    ]


def test_check_takes_several_files_folders_and_standard_input(
    here: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder stands for its *.mlops files at any depth, hidden and build folders left out; each file once."""
    for folder in ("sub", ".hidden", "build"):
        (here / folder).mkdir()
        (here / folder / "s.mlops").write_text(TYPO, encoding="utf-8")
    (here / "sub" / "notes.txt").write_text("not a spec", encoding="utf-8")
    assert guarded(["check", ".", "typo.mlops", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == 4
    assert sorted({d["file"] for d in found["diagnostics"]}) == [
        os.path.join("sub", "s.mlops"),
        "typo.mlops",
        "warns.mlops",
    ]
    with open(here / "typo.mlops", encoding="utf-8") as spec:
        monkeypatch.setattr("sys.stdin", spec)
        assert guarded(["check", "-"]) == 1
    assert "<stdin>:" in capsys.readouterr().out
    (here / "empty").mkdir()
    assert guarded(["check", "empty"]) == 2


def test_words_may_stand_on_both_sides_of_options(here: Path) -> None:
    assert guarded(["check", "clean.mlops", "--quiet", "warns.mlops"]) == 0
    assert guarded(["--quiet", "check", "clean.mlops"]) == 0


def test_quiet_check_of_a_clean_spec_prints_nothing(here: Path, capsys: Out) -> None:
    assert guarded(["check", "clean.mlops", "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_findings_of_an_import_are_told_in_its_own_file(here: Path, capsys: Out) -> None:
    (here / "lib").mkdir()
    start, rest = TYPO.split("data d", 1)
    (here / "lib" / "shared.mlops").write_text("edition 2026\n\ndata d" + rest, encoding="utf-8")
    (here / "top.mlops").write_text(
        start.replace("pipeline", 'import "lib/shared.mlops"\n\npipeline'), encoding="utf-8"
    )
    assert guarded(["check", "top.mlops", "--format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (found["name"], found["file"]) == ("unknown-column", "lib/shared.mlops")


def test_a_pipe_that_a_spec_imports_does_not_hang_the_compiler(here: Path, capsys: Out) -> None:
    os.mkfifo(here / "pipe.mlops")
    (here / "top.mlops").write_text(CLEAN.replace("pipeline", 'import "pipe.mlops"\n\npipeline', 1), encoding="utf-8")
    assert guarded(["check", "top.mlops"]) == 1
    assert "pipe.mlops cannot be imported" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"\x00" * 100, b"{" * 5000, b"a = \xc3", "pipeline ä".encode("latin-1")]
)
def test_no_bytes_make_check_crash(here: Path, content: bytes, capsys: Out) -> None:
    (here / "x.mlops").write_bytes(content)
    assert guarded(["check", "x.mlops"]) == 1
    assert "internal error" not in capsys.readouterr().err


def test_set_is_typed_and_wrong_usage_when_wrong(here: Path, capsys: Out) -> None:
    with_param = CLEAN.replace("features f", "param part : share = 20%\n\nfeatures f").replace(
        "algorithm", "split = random(test = part)\n  algorithm"
    )
    (here / "p.mlops").write_text(with_param, encoding="utf-8")
    assert guarded(["check", "p.mlops", "--set", "part=30%"]) == 0
    for word in ("part=30", "part=soon", "prat=30%", "part", "m.seeed=3", "m.seed=x"):
        assert guarded(["check", "p.mlops", "--set", word]) == 2, word
    assert "Traceback" not in capsys.readouterr().err


def test_fmt_writes_once_and_keeps_meaning(here: Path, capsys: Out) -> None:
    """It is idempotent, keeps permissions, goes through links, and leaves damaged files alone."""
    ragged = here / "ragged.mlops"
    ragged.write_text('edition 2026\npipeline p { # why\n about="x" }\n', encoding="utf-8")
    ragged.chmod(0o640)
    (here / "link.mlops").symlink_to(ragged)
    assert guarded(["fmt", "--check", "ragged.mlops"]) == 1
    assert guarded(["fmt", "--diff", "ragged.mlops"]) == 1
    assert '+  about = "x"' in capsys.readouterr().out
    assert guarded(["fmt", "link.mlops"]) == 0
    assert (here / "link.mlops").is_symlink()
    assert ragged.stat().st_mode & 0o777 == 0o640
    assert "# why" in ragged.read_text(encoding="utf-8")
    assert guarded(["fmt", "--check", "ragged.mlops"]) == 0
    damaged = 'pipeline p {\n about="x\n}\n'
    ragged.write_text(damaged, encoding="utf-8")
    assert guarded(["fmt", "ragged.mlops"]) == 1
    assert ragged.read_text(encoding="utf-8") == damaged


def test_explain_finds_codes_and_names_and_lists_all(capsys: Out) -> None:
    assert guarded(["explain", "MLC1003"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("# MLC1003 unknown-column")
    for word in ("unknown-column", "mlc1003", "1003"):
        assert guarded(["explain", word]) == 0
        assert capsys.readouterr().out == page
    assert guarded(["explain"]) == 0
    assert "MLC1003  error    unknown-column" in capsys.readouterr().out
    assert guarded(["explain", "unknown-colunm"]) == 2
    assert "did you mean unknown-column?" in capsys.readouterr().err


def test_init_without_data_writes_a_spec_that_checks_and_is_laid_out(here: Path, capsys: Out) -> None:
    assert guarded(["init"]) == 0
    assert guarded(["check", "first.mlops", "--strict"]) == 0
    assert guarded(["fmt", "--check", "first.mlops"]) == 0
    assert guarded(["init"]) == 2
    assert "first.mlops exists" in capsys.readouterr().err
    assert guarded(["init", "--force"]) == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_every_command_and_option(shell: str, capsys: Out) -> None:
    assert guarded(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(command in script for command in COMMANDS)
    assert all(word in script for word in ("no-such", "profile", "sarif")[1:])


def test_the_bash_completion_completes(tmp_path: Path, capsys: Out) -> None:
    guarded(["completion", "bash"])
    asked = 'COMP_WORDS=(mlopsc "$@"); COMP_CWORD=$(($# )); _mlopsc; printf "%s\\n" "${COMPREPLY[@]}"'
    script = capsys.readouterr().out + asked

    def complete(*words: str) -> list[str]:
        done = subprocess.run(
            ["bash", "-c", script, "x", *words], capture_output=True, text=True, cwd=tmp_path, check=True
        )
        return done.stdout.split()

    assert complete("ch") == ["check"]
    assert complete("check", "--format", "s") == ["sarif"]
    assert "--strict" in complete("check", "x.mlops", "--st")


def test_an_internal_error_is_one_line_and_a_report_file(
    here: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise ZeroDivisionError("a value that is nobody's business")

    monkeypatch.setattr(front, "main", broken)
    monkeypatch.setenv("TMPDIR", str(here))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert guarded(["check", "clean.mlops", "--set", "token=hunter2"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("mlopsc: internal error (ZeroDivisionError); the report is in ")
    assert told.count("\n") == 1
    report = Path(told.rsplit(" ", 1)[1].strip())
    assert "ZeroDivisionError" in report.read_text(encoding="utf-8")
    assert "hunter2" not in report.read_text(encoding="utf-8")
    assert report.stat().st_mode & 0o077 == 0


def test_an_interrupt_ends_with_130(here: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(front, "main", interrupted)
    assert guarded(["check", "clean.mlops"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error(here: Path) -> None:
    """`mlopsc explain | head -1`: no traceback, no message."""
    program = "from mlopsc.cli.main import entry; entry()"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -c '{program}' explain | true; sleep 0.1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_a_real_interrupt_of_a_waiting_command(here: Path) -> None:
    program = "import sys; print('up', flush=True); from mlopsc.cli.main import entry; entry()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "check", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told


def test_output_survives_a_terminal_that_knows_only_ascii(here: Path) -> None:
    (here / "x.mlops").write_text(
        CLEAN.replace("Small.", "Größe").replace("target    = b", "target = `größe`"), encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-c", "from mlopsc.cli.main import entry; entry()", "check", "x.mlops"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        check=False,
    )
    assert done.returncode == 1
    assert b"unknown-column" in done.stdout
    assert b"Traceback" not in done.stderr


def test_every_module_of_the_table_is_there_and_says_how_it_is_used() -> None:
    for command, module in MODULES.items():
        loaded = __import__(f"mlopsc.cli.{module}", fromlist=["run"])
        assert options.example(command, loaded).startswith(f"  mlopsc {command}")
