"""`python -m fuzz`; see `running`."""

import sys

from fuzz.running import main

if __name__ == "__main__":
    sys.exit(main())
