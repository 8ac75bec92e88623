"""What each delivery metric means, in words: the formula, the rules at its edges, and the name of what is left out."""

from typing import NamedTuple

from workflow.moments import plural


class Definition(NamedTuple):
    """A metric in words. `direction` is +1 where more is better, -1 where less is, 0 where neither is."""

    key: str
    title: str
    formula: str
    rules: tuple[str, ...]
    direction: int

    @property
    def slug(self) -> str:
        """As it stands in an address."""
        return self.key.replace("_", "-")


FEW_RULE = "From fewer than 5 observations no number is made; what was counted is shown instead."
STARTED_RULE = "A deployment belongs to the moment it started. Only production counts, and only what pipelines logged."
P90_RULE = "p90 is the nearest rank: an observed value that nine in ten do not exceed."
ROLLBACK_RULE = (
    "A rollback is a deployment that puts an earlier version back: it had run in that environment before, and a newer "
    "one had taken its place."
)
_ALL = (
    Definition(
        "change_lead_time",
        "Change lead time",
        "Median, over the commits that first reached production in the period, of the finish of that deployment minus "
        "the time the commit was authored.",
        (
            STARTED_RULE,
            (
                "A commit belongs to the first deployment that names it and succeeded, never to one that merely came "
                "close in time."
            ),
            "The very first deployment of a service has no lead time: it brings its whole past along.",
            "A commit authored after it was deployed comes from a clock that is wrong. It is counted apart.",
            "Deployments that name no commits, such as a backfill without them, take no part.",
            P90_RULE,
            FEW_RULE,
        ),
        -1,
    ),
    Definition(
        "deployment_frequency",
        "Deployment frequency",
        "Deployments that succeeded, divided by the days of the period that have passed. Days without any count too.",
        (
            STARTED_RULE,
            "One run of a pipeline to several environments counts once.",
            f"{ROLLBACK_RULE} Rollbacks are shown apart.",
            "The median and p90 of this metric are of the gaps between one deployment and the next.",
            FEW_RULE,
        ),
        1,
    ),
    Definition(
        "failed_deployment_recovery_time",
        "Failed deployment recovery time",
        "Median, over failed deployments, of the finish of the next deployment of the same service and environment "
        "that succeeded, minus the finish of the failed one.",
        (
            STARTED_RULE,
            (
                "A deployment failed when it did not stay (it failed or was rolled back), or when people confirmed it "
                "as a cause of an incident."
            ),
            (
                "What has not recovered yet is shown as open and is not in the median, which is therefore too low "
                "while anything is open."
            ),
            P90_RULE,
            FEW_RULE,
        ),
        -1,
    ),
    Definition(
        "change_fail_rate",
        "Change fail rate",
        "Deployments that did not stay (failed or rolled back) or that people confirmed as a cause of an incident, "
        "divided by all deployments that were no rollback.",
        (
            STARTED_RULE,
            (
                "Deployments are counted, not incidents: two incidents of one deployment are one failure, and a "
                "suspect that nobody confirmed is none."
            ),
            f"{ROLLBACK_RULE} It repairs, so it is neither above nor below the line.",
            "The last 72 hours are provisional: what they broke may not be known yet.",
            FEW_RULE,
        ),
        -1,
    ),
    Definition(
        "deployment_rework_rate",
        "Deployment rework rate",
        "Unplanned work to repair production (rollbacks, and emergent changes that were carried out), divided by all "
        "deployments and emergent changes.",
        (
            STARTED_RULE,
            ROLLBACK_RULE,
            "A deployment that undid itself within its own run has failed, and is no rework.",
            "An emergent change counts for every service that it names.",
            FEW_RULE,
        ),
        -1,
    ),
    Definition(
        "cycle_time",
        "Cycle time of filed changes",
        "Median, over the changes that people filed for the service and carried out in production, of the finish minus "
        "the moment of filing.",
        (
            "A change belongs to the moment it started, and counts for every service that it names.",
            "What was not done takes no part, and what is under way is not in the median yet.",
            P90_RULE,
            FEW_RULE,
        ),
        -1,
    ),
    Definition(
        "off_hours_share",
        "Off-hours share",
        "Deployments that started outside Monday to Friday, 08:00 to 18:00, divided by all deployments. The hours are "
        "those of the organisation's time zone.",
        (STARTED_RULE, "Public holidays are working days here.", FEW_RULE),
        0,
    ),
)
DEFINITIONS = {definition.key: definition for definition in _ALL}
BY_SLUG = {definition.slug: definition for definition in _ALL}
GROUPS: dict[str, tuple[str, str]] = {
    "commits": ("commit that first reached production", "commits that first reached production"),
    "succeeded": ("deployment that succeeded", "deployments that succeeded"),
    "days_without": ("day without any", "days without any"),
    "recovered": ("failed deployment that was followed by a success", "failed deployments that were followed by one"),
    "failed": ("deployment that failed", "deployments that failed"),
    "rolled_back": ("deployment that was rolled back", "deployments that were rolled back"),
    "caused_incident": ("deployment confirmed as a cause", "deployments confirmed as a cause"),
    "deployments": ("deployment in all", "deployments in all"),
    "provisional": ("deployment of the last 72 hours", "deployments of the last 72 hours"),
    "rollbacks": ("rollback", "rollbacks"),
    "emergent": ("emergent change", "emergent changes"),
    "finished": ("filed change that is finished", "filed changes that are finished"),
    "off_hours": ("deployment outside working hours", "deployments outside working hours"),
    "negative": ("with a time that runs backwards", "with a time that runs backwards"),
    "first_deployment": (
        "commit of the service's first deployment",
        "commits of the service's first deployment",
    ),
    "undated": ("commit without the time it was authored", "commits without the time they were authored"),
    "no_commits": ("deployment that names no commits", "deployments that name no commits"),
    "backfilled": ("backfilled deployment without commits", "backfilled deployments without commits"),
    "further_environments": (
        "deployment of a run that counts already for another environment",
        "deployments of runs that count already for another environment",
    ),
    "did_not_stay": ("deployment that did not stay", "deployments that did not stay"),
    "open": ("failed deployment that nothing has recovered yet", "failed deployments that nothing has recovered yet"),
    "finish_unknown": ("failed deployment without a known finish", "failed deployments without a known finish"),
    "under_way": ("deployment under way", "deployments under way"),
    "outcome_unknown": ("deployment with an unclear outcome", "deployments with an unclear outcome"),
    "not_done": ("that was not done", "that were not done"),
    "unfinished": ("change under way", "changes under way"),
}
"""One and several of each group of a metric, for the words after a number."""


def counted(code: str, count: int) -> str:
    """A group in words: “2 rollbacks”."""
    one, several = GROUPS[code]
    return f"{count:,} {one if count == 1 else several}"


def observations(key: str, count: int) -> str:
    """How many observations a metric has: “3 commits”."""
    name = {"change_lead_time": "commit", "cycle_time": "finished change"}.get(key, "deployment")
    if key == "failed_deployment_recovery_time":
        name = "recovery"
        return f"{count:,} {name if count == 1 else 'recoveries'}"
    if key == "deployment_rework_rate":
        return f"{count:,} {plural('deployment', count)} and emergent {plural('change', count)}"
    return f"{count:,} {plural(name, count)}"
