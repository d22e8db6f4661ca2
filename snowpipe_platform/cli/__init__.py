"""The `snowpipe` command: what can be typed. Each command's work is in `commands/`, imported when it is typed."""

import sys
from typing import Annotated

import typer

from snowpipe_platform.cli import (
    arrivals,
    bronze,
    daily,
    dead_letters,
    features,
    init,
    lineage,
    maintain,
    models,
    plan,
    quarantine,
    reconcile,
