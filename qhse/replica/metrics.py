"""What this process has made of the replica, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter

READS = Counter("qhse_replica_reads_total", "Reads that may be made on the replica", ["made_on", "reason"])
CUT_OFF = Counter("qhse_replica_cut_off_total", "How often a process stopped asking the replica for some seconds")
