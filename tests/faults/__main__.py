"""`python -m faults`: see `running`."""

import sys

from faults.running import main

if __name__ == "__main__":
    sys.exit(main())
