"""Cut a starter kit: the library with the exercises of an assignment left blank."""

import sys

if __name__ == "__main__":
    try:
        from course.starter import main
    except ModuleNotFoundError as missing:
        print(
            f"generate_starter.py: error: {missing} (python -m pip install -r requirements.txt)",
            file=sys.stderr,
        )
        sys.exit(2)
    sys.exit(main())
