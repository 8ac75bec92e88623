"""What allauth may do here: sign people in and never up, and ask our own action for links to set a password."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal.httpkit import clean_client_ip
from django import forms
from django.conf import settings
from django.http import HttpRequest

from accounts import invitations


class ClosedSignUp(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Accounts are made by administrators or an organisation file; strangers cannot sign up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that the limits count: what the outermost trusted proxy saw, else where the connection is from.

        allauth's own answers with an error when fewer proxies wrote a line than are trusted.
        """
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        trusted = settings.TRUSTED_PROXIES
        seen = clean_client_ip(hops[-trusted]) if 0 < trusted <= len(hops) else None
        return seen or clean_client_ip(request.META.get("REMOTE_ADDR", "")) or "unknown"


class NewPasswordForm(forms.Form):
    """Asks for a link to set a password; it is accepted for every address alike, so that it tells nobody's e-mail."""

    email = forms.EmailField(max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}))

    def save(self, request: HttpRequest, **_: Any) -> str:
        """Do it and return the address, as allauth wants."""
        email: str = self.cleaned_data["email"]
        invitations.ask_for_password(email)
        return email
