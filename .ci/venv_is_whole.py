"""Whether the virtual environment that runs this file can be used; exits with a sentence when it has to be made again."""

import re
import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - an environment of an older Python is what this looks for
    sys.exit("it was made by a Python older than 3.11")
try:
    import pip  # noqa: F401
except ImportError:
    sys.exit("it has no pip, as when a first run was interrupted or the system's venv package is missing")

here = Path(sys.prefix).resolve()
script = here / "bin" / "pip"
if script.is_file():  # its first lines name the folder that it was made in
    with script.open(encoding="utf-8", errors="replace") as file:
        head = file.readline() + file.readline()
    made_in = re.search(r"(?:#!|exec' \"?)(/.*?)/bin/python", head)
    if made_in and Path(made_in[1]).resolve() != here:
        sys.exit("it was made for another folder")
