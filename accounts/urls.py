"""The addresses of people, teams and tokens, and of signing in."""

from collections.abc import Callable

from allauth.account import views as allauth
from django.urls import URLPattern, path, re_path
from django.views.generic import RedirectView

from accounts import views
from accounts.contacts.urls import settings_urls as contact_settings
from accounts.examples import Landscape
from accounts.teams import views as teams

# Each by name, because allauth has more: it would let people change the e-mail by which everybody knows them.
sign_in_urls = [
    path("login/", allauth.login, name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("password/change/", allauth.password_change, name="account_change_password"),
    # allauth leads people there who are signed in and have no password; such a link is the only way to set a first one.
    path("password/set/", RedirectView.as_view(pattern_name="account_reset_password"), name="account_set_password"),
    path("password/reset/", allauth.password_reset, name="account_reset_password"),
    path("password/reset/done/", allauth.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]
welcome_urls = [path("welcome", views.welcome, name="welcome")]


def settings_urls(landscape: Callable[[list[str], list[str]], Landscape]) -> list[URLPattern]:
    """The pages under /settings; `landscape` comes from a room that knows services and pipelines."""
    return [
        path("settings", RedirectView.as_view(pattern_name="settings_tokens"), name="settings"),
        path("settings/profile", views.profile, name="settings_profile"),
        *contact_settings,
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
