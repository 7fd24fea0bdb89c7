"""`python -m loadtest.dashboard reports --output site`: one page with the results of a folder."""

import sys

from wsload.report.history import main

if __name__ == "__main__":
    sys.exit(main())
