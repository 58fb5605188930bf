"""The hook's program: ``PYTHON -I -S …/afterimage/hook/run.py CLIENT [FOLDER]``.

A program's own file is compiled at every start, so there is next to nothing in it; the rest is imported, compiled.
"""

import sys

if __name__ == "__main__":
    # Behind the standard library, so that no module of ours can stand for one of its own.
    sys.path.append(__file__.rpartition("/hook/")[0])
    from hook.start import main  # type: ignore[import-not-found]

    main(sys.argv[1:])
