"""Endpoint functions of one resource."""

from .metrics_get_datasets import metrics_get_datasets
from .metrics_get_stats import metrics_get_stats

__all__ = ("metrics_get_datasets", "metrics_get_stats")
