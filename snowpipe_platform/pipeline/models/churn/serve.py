"""Serves and scores with the churn model under the SageMaker container contract: what it is told, and how it answers,
is in `snowpipe_platform.serving.container`."""

import os
import sys

from snowpipe_platform.serving.container import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
