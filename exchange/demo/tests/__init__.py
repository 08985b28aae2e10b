"""Tests of the built-in exchange."""
