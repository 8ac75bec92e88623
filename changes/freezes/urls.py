"""Addresses of freezes: pages and the API."""

from django.urls import path, re_path

from changes.freezes import api, views

page_urls = [
    path("freezes", views.freezes),
    path("freezes/new", views.new_freeze),
    path("freezes/<int:pk>", views.freeze),
    path("freezes/<int:pk>/override", views.ask_override),
    path("freezes/<int:pk>/override/<int:override>/confirm", views.confirm_override),
    path("freezes/<int:pk>/override/<int:override>/revoke", views.revoke_override),
    path("freezes/<int:pk>/edit", views.edit_freeze),
    path("freezes/<int:pk>/end", views.end_freeze),
]

api_urls = [
    re_path(r"^freezes/?$", api.Freezes.as_view()),
    re_path(r"^freezes/(?P<id>[0-9]{1,18})/?$", api.OneFreeze.as_view()),
    re_path(r"^freezes/(?P<id>[0-9]{1,18})/override/?$", api.FreezeOverrides.as_view()),
    re_path(r"^freezes/(?P<id>[0-9]{1,18})/confirm-override/?$", api.OverrideConfirmation.as_view()),
    re_path(r"^freezes/(?P<id>[0-9]{1,18})/revoke-override/?$", api.OverrideRevocation.as_view()),
    re_path(r"^freezes/(?P<id>[0-9]{1,18})/end/?$", api.FreezeEnd.as_view()),
]
