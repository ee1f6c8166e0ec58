"""Literal filters, the writer of output folders, the registry of back ends."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlopsc.target import bundle, literals, registry, writer
from mlopsc.target.capability import FEATURES, Level

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(PLAIN)
def test_a_python_literal_evaluates_to_its_value_and_is_ascii(value: object) -> None:
    text = literals.python(value)
    assert ast.literal_eval(text) == value
    assert text.isascii()
    assert "\n" not in text


@given(PLAIN)
def test_a_json_literal_parses_to_its_value(value: object) -> None:
    assert json.loads(literals.json_text(value)) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_yaml_literal_is_one_line_and_parses_to_its_text(value: str) -> None:
    text = literals.yaml({"k": [value]})
    assert len(text.splitlines()) == 1
    assert yaml.safe_load(text) == {"k": [value]}


@pytest.mark.parametrize(
    "value", ["", "a b", "it's", "$(rm -rf /)", "`x`", "a\nb", '"', "\\", "é", "-n", "plain/path_1"]
)
def test_a_shell_word_is_given_on_as_it_is(value: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"printf %s {literals.shell(value)}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == value


def test_a_comment_cannot_leave_its_line() -> None:
    assert "\n" not in literals.python_comment("a\nimport os\u2028b\r\x0c")


def test_a_value_without_a_filter_does_not_get_into_a_file() -> None:
    environment = literals.environment("mlopsc_local")
    template = environment.from_string("{{ name }}")
    with pytest.raises(TypeError, match="without a literal filter"):
        template.render(name="x")
    assert environment.from_string("{{ name | py }}").render(name='a"b') == "'a\"b'"


def test_an_output_folder_is_written_compared_and_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "build" / "x"
    files = {"a.py": b"1", "sub/b.py": b"2"}
    assert [d.what for d in writer.compare(folder, files)] == ["missing", "missing"]
    writer.write(folder, files)
    assert writer.compare(folder, files) == []
    (folder / "a.py").write_bytes(b"edited")
    assert writer.compare(folder, files) == [("a.py", "changed")]
    writer.write(folder, files)
    assert writer.compare(folder, files) == []
    assert sorted(p.name for p in folder.parent.iterdir()) == ["x"]


def test_files_that_were_not_written_by_compiling_are_never_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    writer.write(folder, {"old/a.py": b"1", "old/edited.py": b"2"})
    (folder / "old" / "mine.txt").write_text("mine")
    (folder / "old" / "edited.py").write_text("changed by hand")
    assert list(writer.compare(folder, {"new.py": b"3"})) == [
        ("new.py", "missing"), ("old/a.py", "stale"), ("old/edited.py", "stale"),
    ]  # fmt: skip
    writer.write(folder, {"new.py": b"3"})
    left = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert left == [".mlopsc-files.json", "mine.txt", "new.py", "old/edited.py", "old/mine.txt"]


def test_several_specs_in_one_folder_keep_each_others_files(tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    one, two = (writer.Owner(name, f"{name}.mlops", ("README.md",)) for name in ("one", "two"))
    shared = {"README.md": b"all"}
    first = {"one.py": b"1", "one/old.py": b"1", **shared}
    second = {"two.py": b"2", **shared}
    for owner, files in ((one, first), (two, second)):
        assert writer.foreign(folder, files, owner) is None
        writer.write(folder, files, owner)
    assert (writer.compare(folder, first, one), writer.compare(folder, second, two)) == ([], [])
    again = {"one.py": b"1", "README.md": b"of a later release"}
    assert writer.compare(folder, again, one) == [("one/old.py", "stale")], "what the other wrote there may stay"
    writer.write(folder, again, one)
    assert (writer.compare(folder, again, one), writer.compare(folder, second, two)) == ([], [])
    assert not (folder / "one").exists()
    writer.write(folder, {"two.py": b"2"}, two)
    assert (folder / "README.md").exists(), "the other spec still writes it"


def test_a_file_of_another_spec_is_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    writer.write(folder, {"one.py": b"1"}, writer.Owner("one", "a.mlops"))
    assert writer.foreign(folder, {"one.py": b"2"}, writer.Owner("one", "b.mlops")) == ("one.py", "a.mlops")
    assert writer.foreign(folder, {"one.py": b"1"}, writer.Owner("two", "b.mlops")) == ("one.py", "a.mlops")
    assert writer.foreign(folder, {"one.py": b"2"}) == ("one.py", "a.mlops")
    assert writer.foreign(folder, {"one.py": b"2"}, writer.Owner("one", "a.mlops")) is None
    assert writer.namesakes(folder, writer.Owner("uno", "a.mlops")) == ["one"]


def test_a_folder_that_cannot_be_written_whole_is_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    writer.write(folder, {"a.py": b"1"})
    (folder / "b.py").mkdir()
    with pytest.raises(OSError, match="is a folder"):
        writer.write(folder, {"a.py": b"2", "b.py": b"2"})
    assert (folder / "a.py").read_bytes() == b"1"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x"]


def test_nothing_is_written_through_a_link_out_of_the_folder(tmp_path: Path) -> None:
    folder, outside = tmp_path / "x", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "sub").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic link"):
        writer.write(folder, {"sub/a.py": b"1"})
    assert list(outside.iterdir()) == []


def test_back_ends_are_found_by_entry_point_without_importlib_metadata_or_pydantic() -> None:
    code = """
import sys
from mlopsc.target import registry
found = registry.capabilities("local")
heavy = [m for m in ("importlib.metadata", "pydantic", "jinja2") if m in sys.modules]
print(found.name, heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "local []"


def test_an_unknown_target_names_those_that_are_installed() -> None:
    with pytest.raises(registry.UnknownTarget, match="local"):
        registry.capabilities("nomad")


def test_every_installed_back_end_speaks_of_known_features_only() -> None:
    for name in registry.names():
        found = registry.capabilities(name)
        assert {feature.partition("@")[0].partition("+")[0] for feature in found.levels} <= FEATURES.keys()
        options = {option.name for option in found.options}
        assert {feature.partition("+")[2] for feature in found.levels} - {""} <= options
        assert found.level("no-such-feature")[0] is Level.UNKNOWN


def test_requirements_are_the_ranges_of_the_projects_extras(root: Path) -> None:
    import tomllib

    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra, ranges in bundle.REQUIREMENTS.items():
        assert list(ranges) == extras[extra]
