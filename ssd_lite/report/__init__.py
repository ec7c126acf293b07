"""A report of what a detector does: one page that opens offline, and its numbers as JSON."""

from ssd_lite.report.writing import PAGE, RESULTS, results, write

__all__ = ["PAGE", "RESULTS", "results", "write"]
