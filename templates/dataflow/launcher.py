"""What the image runs when a job starts from the Flex Template; FLEX_TEMPLATE_PYTHON_PY_FILE names this file."""

import sys

from pipeline.submit.launcher import launch

if __name__ == "__main__":
    sys.exit(launch(sys.argv[1:]))
