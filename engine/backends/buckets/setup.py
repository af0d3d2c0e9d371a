"""The guided setup of an S3 server."""

from __future__ import annotations

from engine.backends.buckets.settings import BucketSettings
from engine.backends.setup import DriverSetup

SETUP = DriverSetup("Any S3 server", BucketSettings)
