"""`python -m medimic.simulator`: the same client without Django around it."""

import sys

from medimic.simulator.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], "python -m medimic.simulator"))
