"""``python -m suite``."""

import sys

try:
    from suite.cli import main
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] == "suite":
        raise
    sys.exit(f"cdfbench needs the package {error.name!r}, which is missing: run `make setup` first")

main()
