"""What this process counted so far, looked up by the names that Prometheus sees."""

from __future__ import annotations

from chalicelib.core import figures


def counted(name: str, **labels: str) -> float:
    """Return a number, summed over the labels that are not said; a histogram's is `…_bucket`."""
    return sum(
        sample.number
        for figure in figures.all_figures()
        for sample in figure.samples()
        if sample.name == name and labels.items() <= sample.labels.items()
    )
