"""What orchestrators ask: is the process alive, can it do its work. And what Prometheus scrapes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse
from django.utils.crypto import constant_time_compare
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from qhse.api.openapi.schema import PROBLEM_MEDIA_TYPE, ProblemSerializer
from qhse.api.viewsets import StrictQueryMixin
from qhse.deployment.connections import UnsafeDatabase
from qhse.observability import metrics


class ProbeView(StrictQueryMixin, APIView):
    """A public view that looks at no token. A probe must not fail because a client sent a bad one."""

    permission_classes = [AllowAny]
    authentication_classes = []
    http_method_names = ["get", "head"]


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()


class ReadinessSerializer(HealthSerializer):
    checks = serializers.DictField(child=serializers.CharField(), help_text="`ok`, or what is wrong.")


class HealthzView(ProbeView):
    @extend_schema(
        tags=["operations"],
        summary="Is the process alive?",
        responses=HealthSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answers without touching the database, so that an outage there does not get the process killed."""
        return Response({"status": "ok"})


class ReadyzView(ProbeView):
    @extend_schema(
        tags=["operations"],
        summary="Can the process do its work?",
        responses={200: ReadinessSerializer, 503: ReadinessSerializer},
    )
    def get(self, request: Request) -> Response:
        """Asks the database a question and compares the applied migrations with the code's."""
        checks = readiness()
        ready = all(answer == "ok" for answer in checks.values())
        return Response({"status": "ok" if ready else "not ready", "checks": checks}, status=200 if ready else 503)


class MetricsView(ProbeView):
    @extend_schema(
        tags=["operations"],
        summary="Figures for Prometheus",
        responses={
            (200, "text/plain"): OpenApiTypes.STR,
            (403, PROBLEM_MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description="Not the metrics token"),
        },
    )
    def get(self, request: Request) -> HttpResponse:
        """Needs `Authorization: Bearer <METRICS_TOKEN>`; without that setting it is open, in production closed."""
        expected = settings.METRICS_TOKEN
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if settings.PRODUCTION and not expected:
            raise PermissionDenied
        if expected and not constant_time_compare(given, expected):
            raise PermissionDenied
        return HttpResponse(metrics.render(), content_type="text/plain; version=0.0.4; charset=utf-8")


def readiness() -> dict[str, Any]:
    """Return each check and `ok` or what is wrong. Never raises, and never quotes a connection string."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except UnsafeDatabase:
        return {"database": "refused; the log says why", "migrations": "unknown"}
    except (DatabaseError, InterfaceError):
        return {"database": "not reachable", "migrations": "unknown"}
    return {"database": "ok", "migrations": "ok" if not pending else f"{len(pending)} not applied"}
