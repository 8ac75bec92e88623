"""The addresses of people, teams and tokens."""

from collections.abc import Callable

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from accounts import views
from accounts.examples import Landscape
from accounts.teams import views as teams

welcome_urls = [path("welcome", views.welcome, name="welcome")]


def settings_urls(landscape: Callable[[list[str], list[str]], Landscape]) -> list[URLPattern]:
    """The pages under /settings; `landscape` comes from a room that knows services and pipelines."""
    return [
        path("settings", RedirectView.as_view(pattern_name="settings_tokens"), name="settings"),
        path("settings/profile", views.profile, name="settings_profile"),
        path("settings/tokens", views.tokens, name="settings_tokens"),
        path("settings/tokens/new", views.new_token(landscape), name="settings_new_token"),
        path("settings/tokens/<int:pk>/revoke", views.revoke_token, name="settings_revoke_token"),
        path("settings/people", views.people, name="settings_people"),
        path("settings/people/new", views.invite, name="settings_invite"),
        path("settings/people/<int:pk>", views.person, name="settings_person"),
        path("settings/people/<int:pk>/link", views.invite_again, name="settings_invite_again"),
        path("settings/people/<int:pk>/deactivate", views.deactivate, name="settings_deactivate"),
        path("settings/people/<int:pk>/reactivate", views.reactivate, name="settings_reactivate"),
        path("settings/teams", teams.teams, name="settings_teams"),
        path("settings/teams/new", teams.new_team, name="settings_new_team"),
        path("settings/teams/<slug:slug>", teams.team, name="settings_team"),
        path("settings/teams/<slug:slug>/edit", teams.edit_team, name="settings_edit_team"),
        path("settings/teams/<slug:slug>/members", teams.put_member, name="settings_put_member"),
        path("settings/teams/<slug:slug>/members/<int:pk>/remove", teams.remove_member, name="settings_remove_member"),
    ]
