from django.urls import path

from qhse.accounts.api.views import SessionViewSet, TokenViewSet

urlpatterns = [
    path("auth/login", TokenViewSet.as_view({"post": "login"}), name="auth-login"),
    path("auth/refresh", TokenViewSet.as_view({"post": "refresh"}), name="auth-refresh"),
    path("auth/logout", TokenViewSet.as_view({"post": "logout"}), name="auth-logout"),
    path("auth/me", SessionViewSet.as_view({"get": "me"}), name="auth-me"),
]
