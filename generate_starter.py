"""Cut a starter kit: the library with the exercises of an assignment left blank."""

import sys

from course.starter import main

if __name__ == "__main__":
    sys.exit(main())
