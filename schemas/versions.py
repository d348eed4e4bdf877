"""Versions that records carry."""

from importlib import metadata

RECORD_VERSION = 3
"""Of the contracts of metric records: raised with each field that is added."""

PIPELINE_VERSION = metadata.version("silhouette")
"""Of this release."""
