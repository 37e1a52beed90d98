"""`manage.py reassess_suppliers`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers

CHUNK = 500


class Command(BaseCommand):
    help = (
        "Conclude the risk of every supplier anew. The workers do so once a day by themselves; run it after another "
        "rule or target. Repeating it changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        ids = list(Supplier.objects.filter(merged_into__isnull=True).order_by("pk").values_list("pk", flat=True))
        changed = 0
        with tqdm(total=len(ids), unit="supplier", disable=None) as bar:
            for start in range(0, len(ids), CHUNK):
                chunk = ids[start : start + CHUNK]
                changed += len(reassess_suppliers(supplier_ids=chunk))
                bar.update(len(chunk))
        self.stdout.write(f"{len(ids)} suppliers assessed, {changed} changed their level")
