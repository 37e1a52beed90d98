from django.urls import path

from ncs.api.action_views import ActionTimelineViewSet, ActionViewSet, CaseActionsViewSet, OwnersViewSet, WorkViewSet
from ncs.api.auditor_views import DossierViewSet, SampleViewSet
from ncs.api.report_views import ReportViewSet
from ncs.api.views import NonConformityTimelineViewSet, NonConformityViewSet

_STEPS = ("assign", "contain", "analyse", "dispose", "concede", "close", "reopen", "void")
_ACTION_STEPS = ("start", "complete", "verify", "cancel")

urlpatterns = [
    path("ncs", NonConformityViewSet.as_view({"get": "list", "post": "create"}), name="nc-list"),
    path("ncs/<int:nc_id>", NonConformityViewSet.as_view({"get": "retrieve", "patch": "correct"}), name="nc-detail"),
    *(
        path(f"ncs/<int:nc_id>/{step}", NonConformityViewSet.as_view({"patch": step}), name=f"nc-{step}")
        for step in _STEPS
    ),
    path("ncs/<int:nc_id>/timeline", NonConformityTimelineViewSet.as_view({"get": "list"}), name="nc-timeline"),
    path("ncs/<int:nc_id>/actions", CaseActionsViewSet.as_view({"post": "create"}), name="nc-actions"),
    path("ncs/<int:nc_id>/8d", ReportViewSet.as_view({"get": "report"}), name="nc-8d"),
    path("ncs/owners", OwnersViewSet.as_view({"get": "list"}), name="nc-owners"),
    path("actions", ActionViewSet.as_view({"get": "list"}), name="action-list"),
    path(
        "actions/<int:action_id>", ActionViewSet.as_view({"get": "retrieve", "patch": "change"}), name="action-detail"
    ),
    *(
        path(f"actions/<int:action_id>/{step}", ActionViewSet.as_view({"patch": step}), name=f"action-{step}")
        for step in _ACTION_STEPS
    ),
    path("actions/<int:action_id>/timeline", ActionTimelineViewSet.as_view({"get": "list"}), name="action-timeline"),
    path("ncs/sample", SampleViewSet.as_view({"get": "sample"}), name="nc-sample"),
    path("dossiers", DossierViewSet.as_view({"get": "retrieve"}), name="dossiers"),
    path("me/work", WorkViewSet.as_view({"get": "retrieve"}), name="my-work"),
]
