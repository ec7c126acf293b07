"""Measurements: each module is a command that writes JSON to ``benchmarks/results``."""
