"""Conformance tests of what a lab offers run on a whole lab."""

from tests.lab_fixture import lab

__all__ = ["lab"]
