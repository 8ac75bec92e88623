"""People, teams, and the tokens by which machines act for people."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower, Now

from accounts.contacts.models import Aside, Contact, Preference

__all__ = ["ApiToken", "Aside", "Contact", "Membership", "Preference", "Team", "User", "UserManager"]


class UserManager(BaseUserManager["User"]):  # Django finds people through this object; the name is Django's
    """Looks people up by e-mail, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """The person with this e-mail; raises DoesNotExist."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person. They sign in with their e-mail; `is_admin` may change settings, never beat four eyes."""

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, blank=True, default="")
    is_admin = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="one_person_per_email"),)
        ordering = ("name", "email")

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def actor(self) -> str:
        """The opaque id under which the ledger knows this person."""
        return f"user:{self.pk}"

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps what happened to this account."""
        return f"USER-{self.pk}"

    def addresses(self) -> set[str]:
        """Where this person can be reached: the e-mail of the account, and what they proved to be theirs."""
        verified = Contact.objects.filter(user=self, verified_at__isnull=False)
        return {self.email, *verified.values_list("address", flat=True)}

    @property
    def initials(self) -> str:
        """One or two letters for the round picture beside a name."""
        words = (self.name or self.email).split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


MORNING = 9
"""The hour at which a team reads its summary, unless it says another."""


class Team(models.Model):
    """A group of people that owns services.

    Its day begins by `time_zone` ("" is the organisation's); from `summary_hour` of that clock on it gets its summary.
    """

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    slack_channel = models.CharField(max_length=80, blank=True, default="")
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")
    summary_hour = models.PositiveSmallIntegerField(default=MORNING, db_default=MORNING)
    people = models.ManyToManyField(User, through="Membership", related_name="teams")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(summary_hour__lt=24), name="summary_hour_of_a_day"),)
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps it."""
        return f"TEAM-{self.pk}"


class Membership(models.Model):
    """That a person is in a team, and whether they lead it."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    is_lead = models.BooleanField(default=False)
    since = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (models.UniqueConstraint(fields=["team", "user"], name="once_in_a_team"),)

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class ApiToken(models.Model):
    """A credential of a machine. It acts as its owner, with at most `scopes` and only where its limits allow.

    The text is `dlk_<public_id>_<secret>`; only the SHA-256 of the whole text is kept. `services` and `environments`
    hold slugs; an empty list means no limit. `requests_per_minute` bounds each web process; 0 means no bound.
    """

    public_id = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    name = models.CharField(max_length=80)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    scopes = models.JSONField(default=list)
    services = models.JSONField(default=list, blank=True)
    environments = models.JSONField(default=list, blank=True)
    requests_per_minute = models.PositiveIntegerField(default=6000)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["owner", "name"], name="token_names_differ"),)

    def __str__(self) -> str:
        return self.name

    @property
    def actor(self) -> str:
        """The opaque id under which the ledger knows what this token did."""
        return f"token:{self.pk}"

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps what happened to this token."""
        return f"TOKEN-{self.pk}"

    def covers(self, *, service: str, environment: str) -> bool:
        """Whether the token's limits allow it to act on this service in this environment (both slugs)."""
        limits: tuple[tuple[list[Any], str], ...] = ((self.services, service), (self.environments, environment))
        return all(not allowed or wanted in allowed for allowed, wanted in limits)
