"""The words of Halyard: what its people commit, and what it tells its customers."""

TITLES: dict[str, tuple[str, ...]] = {
    "payments": (
        "Retry card charges that time out",
        "Move checkout sessions to the new cache",
        "Round tax per line, as the invoice shows it",
        "Stop double entries when a refund is retried",
        "Show the plan's next price before it changes",
        "Rotate the ledger database credentials",
        "Close usage periods at midnight of the account's zone",
        "Send the second reminder after 7 days, not 5",
        "Read exchange rates from the new provider",
        "Keep invoice numbers without gaps across regions",
    ),
    "delivery": (
        "Raise the connection pool from 200 to 400",
        "Back off per receiving domain, not per address",
        "Sign webhooks with SHA-256",
        "Rotate DKIM keys",
        "Read enhanced status codes from the last line only",
        "Drain a node before its upgrade",
        "Warm new addresses up over 21 days",
        "Give bounce reasons in plain words",
        "Hold retries while a receiver answers 421",
        "Limit a webhook's redirects to none",
    ),
    "platform": (
        "Renew the edge certificates",
        "Cut cold starts of the gateway by half",
        "Keep sessions when a region is drained",
        "Refuse TLS 1.1 at the edge",
        "Ship logs in batches of one second",
        "Rotate the signing key every 30 days",
        "Pin the base image to its digest",
        "Answer health checks without the database",
    ),
    "data": (
        "Count an open once per message and recipient",
        "Split the hot partition of event-stream",
        "Load yesterday's numbers before 06:00",
        "Index subjects in Japanese and Korean",
        "Drop raw events after 90 days",
        "Cache the engagement summary for a minute",
        "Rebuild the report of a day that changed",
        "Validate recipients of new domains within an hour",
    ),
    "dashboard": (
        "Load suppression lists in half the time",
        "Keep the draft when the session ends",
        "Show times in the reader's zone",
        "Undo in the template editor",
        "Page the domain list by 50",
        "Say which filter excludes the most",
        "Make the sending chart readable without colour",
        "Remove the old billing page",
    ),
    "trust": (
        "Score new senders on their first 100 messages",
        "Ask for a second look before an account is closed",
        "Verify DMARC records with a subdomain policy",
        "Export consent records per region",
        "Learn from reports that were taken back",
    ),
}
"""What a team's commits say."""

NOTES: dict[str, tuple[tuple[str, str], ...]] = {
    "webhooks": (
        (
            "Webhooks are signed with SHA-256",
            "Each request now carries X-Halyard-Signature-256. The old SHA-1 header stays for 3 months.",
        ),
        ("Webhooks retry for 24 hours", "An endpoint that was away for a day misses nothing any more."),
    ),
    "mta-router": (
        (
            "Faster hand-over to large receivers",
            "Half of all mail to the five largest receivers leaves a second sooner.",
        ),
    ),
    "smtp-ingest": (("SMTP accepts messages of 30 MB", "The limit was 20 MB. Attachments count as sent, so encoded."),),
    "inbound-relay": (
        ("Inbound mail arrives in order", "Messages of one sender are delivered in the order we got them."),
    ),
    "checkout": (
        ("Carts survive a sign-in", "A cart filled before you sign in is still there afterwards, on every device."),
    ),
    "edge-gateway": (("TLS 1.1 has ended", "Clients need TLS 1.2 or newer. 0.01 % of requests were older."),),
    "engagement-api": (
        ("Opens count once", "An open that a proxy repeats is counted once, so open rates fall slightly."),
    ),
    "dashboard-web": (("Times in your own zone", "The dashboard shows every time in the zone of your profile."),),
    "suppression-lists": (
        (
            "Suppression lists load in half the time",
            "Lists with more than a million addresses open in 1.1 seconds, not 2.4.",
        ),
    ),
    "recipient-validation": (
        ("Validation knows 400 more domains", "Typing errors in new top-level domains are found."),
    ),
}
"""What customers are told when a deploy of a service changes something for them: title and note."""

PLANS = ("helm rollback", "shift traffic back to the old colour", "redeploy the previous image", "turn the flag off")
TEAM_ZONES = {
    "payments": "Europe/Berlin",
    "delivery": "America/New_York",
    "platform": "Europe/Lisbon",
    "data": "Europe/Berlin",
    "dashboard": "Europe/Paris",
    "trust": "Europe/Amsterdam",
}
"""Whose office hours a team deploys in."""
RELEASES_A_DAY = {
    "payments": 4.6,
    "delivery": 6.7,
    "platform": 4.4,
    "data": 4.0,
    "dashboard": 6.2,
    "trust": 3.0,
}
"""How many versions a team releases on an ordinary weekday."""
