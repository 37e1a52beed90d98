"""Takes the place of Django's `csrf_token` (settings.TEMPLATES, builtins): every form has the mark as well."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qhse.adminsite.marks import MARK, new_mark

register = template.Library()


@register.simple_tag(takes_context=True)
def csrf_token(context: Any) -> SafeString | str:
    """Write both hidden inputs. Who is not logged in gets no mark: the login has nothing to repeat."""
    token = CsrfTokenNode().render(context)
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_authenticated:
        return token
    return format_html('{}<input type="hidden" name="{}" value="{}">', token, MARK, new_mark(user))
