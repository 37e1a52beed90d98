"""The cases of the demo, and what the risk rule would have concluded of its suppliers day by day."""

from ncs.demo.cases import OLDEST_OPEN_DAYS, ensure_demo_users, seed_nonconformities
from ncs.demo.history import seed_risk_history

__all__ = ["OLDEST_OPEN_DAYS", "ensure_demo_users", "seed_nonconformities", "seed_risk_history"]
