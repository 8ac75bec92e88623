"""What to paste into a pipeline so that it logs its deploys. Pure.

Every tool sets the same shell variables and runs the same command, so what is true for one snippet is true for all;
Ansible speaks HTTP itself. What the pipeline must prove is in the body already.
"""

import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.conf import settings

# A text or a number that the shell, or Ansible, fills in.
_TEXT, _NUMBER = "text:", "number:"
_PLACE = re.compile(r'"(text|number):([A-Z_]+)"')
_NOW = "NOW"
_SHELL = {
    "STATUS": "${STATUS:-succeeded}",
    "ATTEMPT": "${ATTEMPT:-1}",
    "VERSION": "${VERSION:-}",
    "TESTS_PASSED": "${TESTS_PASSED:-0}",
    "TESTS_FAILED": "${TESTS_FAILED:-0}",
    "SMOKE": "${SMOKE:-failed}",
    _NOW: "$(date -u +%Y-%m-%dT%H:%M:%SZ)",
}
_FROM_STEPS = {
    "tests": "TESTS_PASSED and TESTS_FAILED from your tests",
    "smoke_test": "SMOKE (passed or failed) from your smoke test",
    "artifact": "DIGEST (sha256:…) from your build",
    "reviewed_commits": "AUTHOR and REVIEWER (e-mail) from the merged change",
}


@dataclass(frozen=True, slots=True)
class Deploys:
    """What a pipeline deploys, in slugs, and the names of the checks that it must pass."""

    service: str
    environment: str
    pipeline: str
    requires: tuple[str, ...] = field(default_factory=tuple)


def first_curl(choices: Iterable[tuple[str, str]]) -> str:
    """The command for a first deploy of an installation in which these (kind, slug) exist; "" when it lacks some."""
    first = dict(reversed(list(choices)))
    if not {"service", "environment"} <= set(first):
        return ""
    pipeline = first.get("pipeline", f"{first['service']}-deploy"[:64])
    return curl(Deploys(first["service"], first["environment"], pipeline))


def _body(deploys: Deploys) -> dict[str, Any]:
    body: dict[str, Any] = {
        "service": deploys.service,
        "environment": deploys.environment,
        "pipeline": deploys.pipeline,
        "run_id": f"{_TEXT}RUN_ID",
        "attempt": f"{_NUMBER}ATTEMPT",
        "status": f"{_TEXT}STATUS",
        "version": f"{_TEXT}VERSION",
        "sha": f"{_TEXT}SHA",
        "finished_at": f"{_TEXT}{_NOW}",
    }
    if "artifact" in deploys.requires:
        body["artifact_digest"] = f"{_TEXT}DIGEST"
    if "reviewed_commits" in deploys.requires:
        body["commits"] = [{"sha": f"{_TEXT}SHA", "author": f"{_TEXT}AUTHOR", "reviewed_by": [f"{_TEXT}REVIEWER"]}]
    evidence = {name: _evidence(name) for name in ("tests", "smoke_test", "rollback") if name in deploys.requires}
    return {**body, "evidence": evidence} if evidence else body


def _evidence(check: str) -> dict[str, Any]:
    if check == "tests":
        return {"passed": f"{_NUMBER}TESTS_PASSED", "failed": f"{_NUMBER}TESTS_FAILED", "sha": f"{_TEXT}SHA"}
    if check == "smoke_test":
        return {"status": f"{_TEXT}SMOKE"}
    return {"ready": True, "plan": "say how you roll back"}


def _filled(deploys: Deploys, fill: Callable[[re.Match[str]], str]) -> str:
    text = orjson.dumps(_body(deploys), option=orjson.OPT_INDENT_2).decode()
    return _PLACE.sub(fill, text)


def _for_shell(place: re.Match[str]) -> str:
    # The single quotes of the body end, the shell fills in the value between double quotes, they begin again.
    value = "'\"" + _SHELL.get(place[2], f"${place[2]}") + "\"'"
    return f'"{value}"' if place[1] == "text" else value


def curl(deploys: Deploys) -> str:
    """A command for any POSIX shell; it fails, and says why, when the deploy is refused."""
    return (
        f"curl -sS --fail-with-body {settings.BASE_URL}/api/v1/deployments \\\n"
        '  -H "Authorization: Bearer $DECKLOG_TOKEN" \\\n'
        f"  -H \"Content-Type: application/json\" -d '{_filled(deploys, _for_shell)}'"
    )


def _hints(deploys: Deploys, *names: str) -> str:
    needed = [words for check, words in _FROM_STEPS.items() if check in deploys.requires]
    told = [*names, *needed]
    return "# Set these before:\n" + "".join(f"# - {words}\n" for words in told) if told else ""


def _shell(deploys: Deploys) -> str:
    return _hints(deploys, "RUN_ID, SHA and VERSION of what you deploy", "STATUS, unless it is succeeded") + curl(
        deploys
    )


def _github(deploys: Deploys) -> str:
    head = """\
# The last step of the job that deploys. DECKLOG_TOKEN is a secret of the repository.
- name: Tell Decklog
  if: always()
  env:
    DECKLOG_TOKEN: ${{ secrets.DECKLOG_TOKEN }}
    RUN_ID: ${{ github.run_id }}
    ATTEMPT: ${{ github.run_attempt }}
    SHA: ${{ github.sha }}
    VERSION: ${{ github.ref_name }}
    STATUS: ${{ job.status == 'success' && 'succeeded' || job.status == 'cancelled' && 'cancelled' || 'failed' }}
  run: |
"""
    return head + _indented(_hints(deploys) + curl(deploys), 4)


def _gitlab(deploys: Deploys) -> str:
    head = """\
# In .gitlab-ci.yml. DECKLOG_TOKEN is a masked CI/CD variable.
deploy:
  script:
    - ./deploy.sh
  after_script:
    - |
      RUN_ID="$CI_JOB_ID" SHA="$CI_COMMIT_SHA" VERSION="$CI_COMMIT_REF_NAME"
      case "$CI_JOB_STATUS" in success) STATUS=succeeded ;; canceled) STATUS=cancelled ;; *) STATUS=failed ;; esac
"""
    return head + _indented(_hints(deploys) + curl(deploys), 6)


def _jenkins(deploys: Deploys) -> str:
    head = """\
// In the Jenkinsfile, beside stages. decklog-token is a credential of the kind Secret text.
post {
  always {
    withCredentials([string(credentialsId: 'decklog-token', variable: 'DECKLOG_TOKEN')]) {
      withEnv(["RESULT=${currentBuild.currentResult}"]) {
        sh '''
          RUN_ID="$BUILD_NUMBER" SHA="$GIT_COMMIT" VERSION="$BUILD_DISPLAY_NAME"
          case "$RESULT" in SUCCESS) STATUS=succeeded ;; ABORTED) STATUS=cancelled ;; *) STATUS=failed ;; esac
"""
    # Groovy would take a backslash for its own, so it is doubled.
    command = _indented(_hints(deploys) + curl(deploys).replace("\\", "\\\\"), 10)
    return head + command + "\n        '''\n      }\n    }\n  }\n}"


def _bamboo(deploys: Deploys) -> str:
    head = """\
# In bamboo-specs, in the job that deploys. DECKLOG_TOKEN_SECRET is a variable of the plan; Bamboo masks its value.
tasks:
  - script:
      - rm -f decklog.ok
      - ./deploy.sh
      - touch decklog.ok
final-tasks:
  - script:
      - |
        DECKLOG_TOKEN="$bamboo_DECKLOG_TOKEN_SECRET" RUN_ID="$bamboo_buildNumber"
        SHA="$bamboo_planRepository_revision" VERSION="$bamboo_planRepository_branch"
        if [ -f decklog.ok ]; then STATUS=succeeded; else STATUS=failed; fi
"""
    return head + _indented(_hints(deploys) + curl(deploys), 8)


def _ansible(deploys: Deploys) -> str:
    def fill(place: re.Match[str]) -> str:
        if place[2] == _NOW:
            return "now(utc=true).strftime('%Y-%m-%dT%H:%M:%SZ')"
        name, default = place[2].lower(), {"STATUS": "succeeded", "SMOKE": "failed"}.get(place[2], "")
        return f"{name} | default('{default}') | string" if place[1] == "text" else _number(name)

    head = f"""\
# The last task of the play. Set run_id, sha and version; what it must prove comes from variables of the same kind.
- name: Tell Decklog
  ansible.builtin.uri:
    url: {settings.BASE_URL}/api/v1/deployments
    method: POST
    headers:
      Authorization: "Bearer {{{{ lookup('ansible.builtin.env', 'DECKLOG_TOKEN') }}}}"
      Content-Type: application/json
    body_format: json
    status_code: [200, 201]
    return_content: true
    body: >-
"""
    expression = "{{ " + _filled(deploys, fill) + " | to_json }}"
    return head + _indented(expression, 6) + "\n  delegate_to: localhost\n  run_once: true"


def _number(name: str) -> str:
    return f"{name} | default({1 if name == 'attempt' else 0}) | int"


def _indented(text: str, spaces: int) -> str:
    return textwrap.indent(text, " " * spaces)


SNIPPETS: dict[str, tuple[str, Callable[[Deploys], str]]] = {
    "curl": ("curl", _shell),
    "github": ("GitHub", _github),
    "gitlab": ("GitLab", _gitlab),
    "jenkins": ("Jenkins", _jenkins),
    "bamboo": ("Bamboo", _bamboo),
    "ansible": ("Ansible", _ansible),
}
"""Each tool that has a snippet: its name, and the function that writes it."""


def snippet(tool: str, deploys: Deploys) -> str:
    """The snippet for a tool; for one that is not known, the plain command."""
    _, write = SNIPPETS.get(tool, SNIPPETS["curl"])
    return write(deploys)
