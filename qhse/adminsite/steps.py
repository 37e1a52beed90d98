"""Pages of records that take several steps: one form at a time, chosen by the address or by what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.forms import ServiceForm

STEP = "step"  # in the address


class Step(NamedTuple):
    """One thing that can be done with a record. `label` stands on its link and its button."""

    label: str
    form: type[ServiceForm]
    action: str  # in the role table
    done: str  # what the record then "has been", for the message
    is_named: bool = False  # taken only when the address names it: what undoes something, say


class SteppedAdmin(ServiceModelAdmin):
    """
    An admin whose records take `steps`. Each has its own form, service and right.

    `possible` says which a record takes now, and in which order people should take them; the first is shown unless the
    address names another one. The page has links to the others. An address with a step that is not possible shows the
    first one, and a form that is sent to it is told why. A form that names no step is one for the first, unless it has
    fields of another: then nobody knows what was meant, and it does nothing.
    """

    steps: ClassVar[Mapping[str, Step]] = {}

    def possible(self, request: HttpRequest, record: Any) -> list[str]:
        """Return the steps that the record takes now. Whether this person may take them is asked elsewhere."""
        raise NotImplementedError

    def offered(self, request: HttpRequest, record: Any) -> list[str]:
        """Return the steps that this person may take now with the record."""
        return [name for name in self.possible(request, record) if self.may_take(request, record, name)]

    def may_take(self, request: HttpRequest, record: Any, step: str) -> bool:
        """Answer whether this person may take a step with the record, if it takes the step."""
        return self.allows(request, self.steps[step].action)

    def step(self, request: HttpRequest, record: Any) -> str:
        """Return the step that the page shows. Nothing if there is none."""
        asked, offered = request.GET.get(STEP, ""), self.offered(request, record)
        if asked in offered:
            return asked
        if asked and request.method == "POST":
            return ""
        first = next((name for name in offered if not self.steps[name].is_named), "")
        return "" if first and self._is_for_another(request, first) else first

    def _is_for_another(self, request: HttpRequest, step: str) -> bool:
        """Answer whether a form was sent that has fields of other steps, and not of this one."""
        if request.method != "POST":
            return False
        of_others = {name for each in self.steps.values() for name in each.form.base_fields}
        return bool((of_others - set(self.steps[step].form.base_fields)) & {*request.POST, *request.FILES})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return any(self.allows(request, step.action) for step in self.steps.values())
        return bool(self.step(request, obj))

    def too_late(self, request: HttpRequest, record: Any) -> str:
        if self.step(request, record) or self._is_others(request, record):
            return ""
        if why := self.finished(record):
            return why
        if request.method == "POST" and not request.GET.get(STEP):
            return "has come to another step than this form is for"
        return "does not take this step any more"

    def _is_others(self, request: HttpRequest, record: Any) -> bool:
        """Answer whether the record takes the step that was sent, from others than this person: who is not late."""
        possible = self.possible(request, record)
        asked = request.GET.get(STEP) or next((name for name in possible if not self.steps[name].is_named), "")
        return asked in possible and not self.may_take(request, record, asked)

    def form_for(self, request: HttpRequest, record: Any) -> type[ServiceForm] | None:
        name = self.step(request, record)
        return self.steps[name].form if name else None

    def forms_sent(self, request: HttpRequest) -> list[type[ServiceForm]]:
        asked = self.steps.get(request.GET.get(STEP, ""))
        return [*([asked.form] if asked else []), *(each.form for each in self.steps.values())]

    def label_of_save(self, request: HttpRequest, record: Any) -> str:
        name = self.step(request, record)
        return self.steps[name].label if name else "Save"

    def said_of_change(self, request: HttpRequest, record: Any) -> str:
        name = "" if record is None else self.step(request, record)
        return self.steps[name].done if name else self.change_done

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = self.shown_fieldsets(request, obj)
        name = self.step(request, obj) if obj is not None else ""
        if not name:
            return shown
        step = self.steps[name]
        fields = tuple(step.form.base_fields)
        told = self.introduction(request, obj, name)
        return (*shown, (step.label, {"fields": fields, "classes": ("act",), "description": told}))

    def introduction(self, request: HttpRequest, record: Any, step: str) -> SafeString | str:
        """Return what stands above the form of a step: markup that comes from code, never from data."""
        return self.steps[step].form.introduction

    def shown_fieldsets(self, request: HttpRequest, record: Any) -> tuple[Any, ...]:
        """Return what stands above the form of the step; without a record, the form of a new one."""
        raise NotImplementedError

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        record = kwargs.get("obj")
        if record is not None:
            chosen = self.step(request, record)
            if chosen:  # said by the form itself: what comes next may be another step when it is sent
                kwargs["form_url"] = self._address(request, chosen)
            context["steps"] = [
                (self.steps[name].label, self._address(request, name), name == chosen)
                for name in self.offered(request, record)
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    def step_url(self, pk: object, name: str, **more: int | str) -> str:
        """Return the address of a record's page with this step, at its form: on a phone it lies below all facts."""
        return f"{self.record_url(str(pk))}?{urlencode({STEP: name, **more})}#act"

    def _address(self, request: HttpRequest, name: str) -> str:
        query = request.GET.copy()
        query[STEP] = name
        return f"?{query.urlencode()}"
