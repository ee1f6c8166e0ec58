"""What the tasks run: the runtime, the task's own few modules and the spec's, as files of an image or inside the pipeline."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from pathlib import Path

from mlopsc.target import bundle
from mlopsc.target.protocol import Files

TASK = Path(__file__).resolve().parent / "task"
TASK_PACKAGE = "mlopsc_kfp"
MODULES = "modules"
CHUNK = 90 * 1024  # bytes of one argument; Linux takes 128 KiB

# Unpacks the arguments before `--` into a temporary folder, installs what is not there of the packages that the first one names,
# runs the task. Its first line is for kfp.local, whose subprocess runner takes no command without that name.
BOOT = """\
# in the place of kfp.dsl.executor_main
import base64, json, os, subprocess, sys, tempfile, zlib
from importlib import metadata
def there(pin):
    name, _, version = pin.partition("==")
    try:
        return metadata.version(name) == version
    except metadata.PackageNotFoundError:
        return False
cut = sys.argv.index("--")
packages, *chunks = sys.argv[1:cut]
files = json.loads(zlib.decompress(base64.b64decode("".join(chunks))))
root = tempfile.mkdtemp(prefix="mlopsc-")
for path, text in files.items():
    place = os.path.join(root, *path.split("/"))
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "w", encoding="utf-8", newline="", errors="surrogateescape") as handle:
        handle.write(text)
missing = [pin for pin in packages.split() if not there(pin)]
if missing:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]
    if subprocess.call([*pip, *missing]):
        sys.exit("mlopsc: the packages could not be installed; an image of your own has them (see README.md)")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
task = [sys.executable, "-m", "TASK_PACKAGE", "--modules", os.path.join(root, "MODULES_FOLDER"), *sys.argv[cut + 1 :]]
os.execv(sys.executable, task)
""".replace("TASK_PACKAGE", TASK_PACKAGE).replace("MODULES_FOLDER", MODULES)


def task_files(modules: Mapping[str, bytes]) -> Files:
    """Everything that a task imports, by path below the folder that stands on its PYTHONPATH."""
    own = {f"{TASK_PACKAGE}/{p.name}": p.read_bytes() for p in sorted(TASK.glob("*.py"))}
    return bundle.runtime_files() | own | {f"{MODULES}/{path}": data for path, data in sorted(modules.items())}


def chunks(files: Files) -> list[str]:
    """The files as arguments of at most CHUNK bytes each."""
    texts = {path: data.decode("utf-8", "surrogateescape") for path, data in files.items()}
    packed = base64.b64encode(zlib.compress(json.dumps(texts, ensure_ascii=True).encode("ascii"), 9)).decode("ascii")
    return [packed[i : i + CHUNK] for i in range(0, len(packed), CHUNK)]
