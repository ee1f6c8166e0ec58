"""CSV: one scan by DuckDB with every field as text, under a header that this module reads itself."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ..errors import StepError
from ..expr.literals import sql_text
from .cast import Received
from .paths import find_files
from .source import Part, Place, Reject, Source

if TYPE_CHECKING:
    import duckdb

csv.field_size_limit(1 << 30)
LONGEST_LINE = 16 << 20  # bytes; a longer row is a bad row
NOT_UTF8 = "not UTF-8"
OTHER_ENCODING = 'Name the encoding that the file has: csv(…, encoding = "latin-1").'
UNIT = "\x1f"  # stands for a delimiter that DuckDB does not take
CHUNK = 1 << 20  # characters or bytes


def open_csv(settings: dict[str, Any], declared: list[str], place: Place) -> Source:
    """`declared`: raw names of the columns in order, which name the fields where there is no header."""
    files = find_files(place.data_root, settings["path"])
    labels: dict[str, str] = {}
    duplicates: dict[str, str] = {}
    laid: list[tuple[Path, _Layout]] = []
    for number, file in enumerate(files):
        label = label_of(file, place.data_root)
        readable, layout = _prepare(file, label, settings, declared, place, number)
        for name in {n for n in layout.names if layout.names.count(n) > 1}:
            duplicates.setdefault(name, label)
        labels[str(readable)] = label
        laid.append((readable, layout))

    def uniform() -> list[Part] | None:
        """The same files with one kind of line end in each, written anew; None where no file mixes them."""
        if not any(_mixes_line_ends(file) for file, _ in laid):
            return None
        again = []
        for number, (file, layout) in enumerate(laid):
            made = place.scratch / f"lines{number}.csv"
            with_one_line_end(file, made, quoted_text=True)
            labels[str(made)] = labels[str(file)]
            again.append((made, layout._replace(zipped=False)))
        return _parts(again, settings, labels)

    return Source(_parts(laid, settings, labels), lambda: read_rejects(place.con, labels), duplicates, uniform)


def _parts(laid: list[tuple[Path, _Layout]], settings: dict[str, Any], labels: dict[str, str]) -> list[Part]:
    """One part for each run of files in path order that one scan can read."""
    alike: list[tuple[_Layout, list[Path]]] = []
    for file, layout in laid:
        if alike and alike[-1][0] == layout:
            alike[-1][1].append(file)
        else:
            alike.append((layout, [file]))
    return [Part(_scan(run, layout), _columns(layout, settings), labels[str(run[0])]) for layout, run in alike]


class _Layout(NamedTuple):
    """What one scan takes for granted. `blank`: empty lines before the first record."""

    delimiter: str
    names: tuple[str, ...]
    header: bool
    blank: int
    zipped: bool


def _columns(layout: _Layout, settings: dict[str, Any]) -> dict[str, Received]:
    """Of a name that stands twice, the first column."""
    found: dict[str, Received] = {}
    for i, name in enumerate(layout.names):
        text = f"c{i}"
        if layout.delimiter != settings["delimiter"]:
            text = f"replace({text}, chr(31), {sql_text(settings['delimiter'])})"
        found.setdefault(name, Received(text, "VARCHAR", False))
    return found


def label_of(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.as_posix()


def _scan(files: list[Path], layout: _Layout) -> str:
    """In strict mode, always: the other one reads files that mix line ends, but cuts off text behind a closing quote and
    fields behind the last column, and skips a character after a lone carriage return."""
    paths = ", ".join(sql_text(exact_path(file)) for file in files)
    names = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(layout.names)))
    return (
        f"read_csv([{paths}], columns = {{{names}}}, auto_detect = false, header = {str(layout.header).lower()}, "
        f"delim = {sql_text(layout.delimiter)}, quote = '\"', escape = '\"', nullstr = '', "
        f"compression = '{'gzip' if layout.zipped else 'none'}', max_line_size = {LONGEST_LINE}, "
        f"buffer_size = {2 * LONGEST_LINE}, store_rejects = true, rejects_limit = 0, skip = {layout.blank}, "
        f"strict_mode = true)"
    )


def exact_path(file: Path) -> str:
    """A path in which DuckDB finds no glob."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(file))


def _prepare(
    file: Path, label: str, settings: dict[str, Any], declared: list[str], place: Place, number: int
) -> tuple[Path, _Layout]:
    """A file that DuckDB can read (the file itself wherever possible) and its layout."""
    delimiter, encoding = settings["delimiter"], settings["encoding"]
    try:
        "".encode(encoding)  # which a codec from bytes to bytes, such as hex, does not do
        plain = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")
    except (LookupError, UnicodeError):
        raise StepError("MLC8003", "unknown-encoding", f"No text encoding is named {encoding}.") from None
    short = len(delimiter.encode()) <= 4
    readable = file
    refuse_broken_gzip(file, label)
    if not plain or not short:
        readable = place.scratch / f"source{number}.csv"
        _rewrite(file, label, readable, encoding, None if short else delimiter)
        delimiter = delimiter if short else UNIT
    first, blank = _first_record(readable, label, delimiter)
    if settings["header"] and any("\ufffd" in field for field in first or ()):
        _refuse_header(readable, label, blank)
    if first is None:
        raise StepError("MLC8004", "empty-source", f"{label} is empty: it does not even hold a header.")
    names = first if settings["header"] else declared
    if len(first) != len(names):
        raise StepError(
            "MLC8006",
            "wrong-width",
            f"{label} has {len(first)} fields in its first row, and the columns section names {len(declared)}.",
            help="With header = false the columns section names all columns in order.",
        )
    return readable, _Layout(delimiter, tuple(names), settings["header"], blank, readable.suffix == ".gz")


def _rewrite(file: Path, label: str, target: Path, encoding: str, delimiter: str | None) -> None:
    """A copy in UTF-8, chunk by chunk, with the unit separator instead of a delimiter that is too long for DuckDB."""
    held = ""
    with open_bytes(file) as raw, target.open("w", encoding="utf-8", newline="") as out:
        reader = io.TextIOWrapper(raw, encoding=encoding, newline="")
        try:
            while chunk := reader.read(CHUNK):
                if delimiter is None:
                    out.write(chunk)
                    continue
                if UNIT in chunk:
                    message = f"{label} holds the character U+001F, which stands for the delimiter {delimiter} here."
                    raise StepError("MLC8005", "unreadable-source", message)
                text = held + chunk
                cut = max(len(text) - len(delimiter) + 1, 0)
                at = text.rfind(delimiter)
                cut = max(cut, at + len(delimiter)) if at >= 0 else cut
                out.write(text[:cut].replace(delimiter, UNIT))
                held = text[cut:]
        except UnicodeError as error:
            message = f"{label} cannot be read as {encoding}: {error}."
            raise StepError("MLC8003", "unknown-encoding", message, help=OTHER_ENCODING) from None
        out.write(held)


def open_bytes(file: Path) -> IO[bytes]:
    return gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb")  # type: ignore[return-value]


def refuse_broken_gzip(file: Path, label: str) -> None:
    """DuckDB takes a compressed file that was cut off, or whose checksum is wrong, for a shorter one."""
    if file.suffix != ".gz":
        return
    try:
        with gzip.open(file, "rb") as handle:
            while handle.read(CHUNK):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise StepError("MLC8005", "unreadable-source", f"{label} cannot be unpacked: {error}.") from None


def _mixes_line_ends(file: Path) -> bool:
    """Line ends inside of quotes count too."""
    lf = cr = crlf = 0
    with open_bytes(file) as raw:
        while chunk := raw.read(CHUNK):
            while chunk.endswith(b"\r") and (more := raw.read(1)):
                chunk += more
            both = chunk.count(b"\r\n")
            crlf, lf, cr = crlf + both, lf + chunk.count(b"\n") - both, cr + chunk.count(b"\r") - both
    return sum(count > 0 for count in (lf, cr, crlf)) > 1


def with_one_line_end(file: Path, target: Path, *, quoted_text: bool) -> None:
    """A copy, unpacked, in which every line ends in LF; with `quoted_text`, what stands between quotes stays as it is. A
    quote that is not one of CSV's turns this round for the text behind it, which the reader then refuses."""
    quoted = False
    with open_bytes(file) as raw, target.open("wb") as out:
        while chunk := raw.read(CHUNK):
            while chunk.endswith(b"\r") and (more := raw.read(1)):
                chunk += more
            pieces = chunk.split(b'"') if quoted_text else [chunk]
            for number, piece in enumerate(pieces):
                quoted ^= number > 0
                pieces[number] = piece if quoted else piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            out.write(b'"'.join(pieces))


def _first_record(file: Path, label: str, delimiter: str) -> tuple[list[str] | None, int]:
    """The fields of the first record that is not blank (None where there is none), and how many blank ones come before."""
    single = delimiter if len(delimiter) == 1 else UNIT
    with open_bytes(file) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="", errors="replace") as text:
        lines = text if single == delimiter else (line.replace(delimiter, UNIT) for line in text)
        try:
            for blank, record in enumerate(csv.reader(lines, delimiter=single)):
                if record:
                    return [f if single == delimiter else f.replace(UNIT, delimiter) for f in record], blank
        except (csv.Error, OSError, EOFError) as error:
            raise StepError("MLC8005", "unreadable-source", f"{label} cannot be read as CSV: {error}.") from None
    return None, 0


def _refuse_header(file: Path, label: str, blank: int) -> None:
    """StepError where the header, which stands after `blank` empty lines, is no UTF-8."""
    with open_bytes(file) as raw:
        start = raw.read(CHUNK)
    line = b"".join(start.splitlines(keepends=True)[: blank + 1])
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        note = OTHER_ENCODING.replace("latin-1", "utf-16") if wide else OTHER_ENCODING
        message = f"{label} is read as utf-8, and its header, line {blank + 1}, is {NOT_UTF8}."
        raise StepError("MLC8003", "unknown-encoding", message, help=note) from None


def read_rejects(
    con: duckdb.DuckDBPyConnection, labels: Mapping[str, str], too_many: str = "more fields than the header"
) -> list[Reject]:
    """Rows that the scans so far could not split, one entry a row, in file order. `labels`: path read -> what to call it."""
    found = con.execute(
        "SELECT s.file_path, e.line_byte_position, any_value(e.csv_line), any_value(e.error_type) "
        "FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id) GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    reasons = {
        "MISSING COLUMNS": "fewer fields than the header",
        "TOO MANY COLUMNS": too_many,
        "UNQUOTED VALUE": "a quote that is not closed, or text behind a closed one",
        "LINE SIZE OVER MAXIMUM": f"longer than {LONGEST_LINE >> 20} MiB",
        "INVALID ENCODING": NOT_UTF8,
    }
    lines: dict[str, Iterator[int]] = {}
    for path in dict.fromkeys(path for path, *_ in found):
        lines[path] = _line_numbers(Path(path), [max(at - 1, 0) for name, at, *_ in found if name == path])
    return [
        Reject(f"{labels.get(path, path)}, line {next(lines[path])}", text or "", reasons.get(str(k), str(k).lower()))
        for path, _, text, k in found
    ]


def _line_numbers(file: Path, offsets: list[int]) -> Iterator[int]:
    """The line, from 1, that each byte offset stands in; offsets ascend. The engine counts rows, not lines."""
    line, at = 1, 0
    with open_bytes(file) as raw:
        for offset in offsets:
            before = b""
            while at < offset:
                chunk = raw.read(min(CHUNK, offset - at))
                if not chunk:
                    break
                at += len(chunk)
                line += chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
                line -= before == b"\r" and chunk.startswith(b"\n")
                before = chunk[-1:]
            yield line
