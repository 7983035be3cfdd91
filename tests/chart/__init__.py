"""Tests of chart-template/: what the templates make of values, with the real helm."""
