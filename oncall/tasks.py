"""The periodic duties of the watch, where Celery looks for them."""

from oncall.alerting.tasks import mind_alerts
from oncall.gaps.tasks import warn_of_gaps
from oncall.sync.tasks import look_for_drift, mind_plans

__all__ = ["look_for_drift", "mind_alerts", "mind_plans", "warn_of_gaps"]
