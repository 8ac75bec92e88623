"""The command line that shows a fresh token working. Pure."""

from dataclasses import dataclass, field

import orjson


@dataclass(frozen=True, slots=True)
class Landscape:
    """What a token can be limited to, and one deploy to show: slugs of this installation, `pipeline` may be made up."""

    services: list[str] = field(default_factory=list)
    environments: list[str] = field(default_factory=list)
    service: str = ""
    environment: str = ""
    pipeline: str = ""


def curl(text: str, *, base_url: str, scopes: list[str], landscape: Landscape) -> str:
    """A command for a shell that uses the token `text` at once: it logs a deploy if it may, else it reads them."""
    head = f'curl -sS {base_url}/api/v1/deployments \\\n  -H "Authorization: Bearer {text}"'
    if "deploy" not in scopes or not landscape.service or not landscape.environment:
        return head
    now = "@now@"
    deploy = {
        "service": landscape.service,
        "environment": landscape.environment,
        "pipeline": landscape.pipeline,
        "run_id": "try-1",
        "status": "succeeded",
        "finished_at": now,
    }
    body = orjson.dumps(deploy, option=orjson.OPT_INDENT_2).decode()
    # The quotes end, the shell writes the present time, the quotes begin again.
    body = body.replace(now, "'\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"'")
    return f"{head} \\\n  -H \"Content-Type: application/json\" -d '{body}'"
