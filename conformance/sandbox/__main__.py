"""``python -m conformance.sandbox``: start the sandbox as a process of its own."""

import sys

from conformance.sandbox.serve import main

sys.exit(main(sys.argv[1:]))
