"""What allauth may do here: sign people in and never up, and write to them through the outbox."""

import uuid
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.messages import account_mail
from notifications import outbox


class ClosedSignUp(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Accounts are made by administrators or an organisation file; strangers cannot sign up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Hand a mail to the outbox: it goes out also when the mail server is away now, and nobody waits for it."""
        mail = self.render_mail(template_prefix, email, {"email": email, **context})
        with transaction.atomic():
            outbox.enqueue(account_mail(uuid.uuid4(), email, mail.subject, mail.body), at=timezone.now())
