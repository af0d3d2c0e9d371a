"""Before anything is made: may it be, is there room, is the name free? All problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from engine.backends.registry import failed_check
from engine.errors import HomeportError, NotReady, NotReadyYet
from engine.model.plan import Effect, Intent
from engine.model.provider import Check, CheckStatus, Service
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.planned import planned_records, pointing_at

_SAMPLE = {"A": "192.0.2.1", "AAAA": "2001:db8::1"}
"""Addresses for documentation (RFC 5737, RFC 3849): the name is looked at, nothing is made."""


@dataclass(frozen=True)
class Finding:
    check: Check
    error: HomeportError | None = None
    """What the check could not go on from, where it was an exception."""


@handles("preflight@1")
def preflight(ctx: StepContext) -> StepOutcome:
    """Every backend's own check, and that the name belongs to nobody else.

    A deployment that is there is checked for its guest alone, and for the servers that are told
    something.
    """
    services = [service.value for service in ctx.provider.services]
    if ctx.plan.intent in (Intent.RECONFIGURE, Intent.ROTATE):
        ctx.shell()
        told = {step.kind.partition(".")[0] for step in ctx.plan.steps}
        services = [service for service in services if service in told]
    findings = [finding for found in _side_by_side(ctx, services) for finding in found]
    for finding in findings:
        check = finding.check
        ctx.log(f"{check.status.upper():4} {check.service}: {check.title}: {check.found}")
    problems = [finding for finding in findings if finding.check.status is CheckStatus.FAIL]
    if problems:
        raise not_ready(ctx.provider.title or ctx.provider.name, problems)
    return StepOutcome(changed=False, output={"checks": len(findings)})


def _side_by_side(ctx: StepContext, services: Sequence[str]) -> Iterator[list[Finding]]:
    """The services do not wait for each other: most of the time is theirs."""
    with ThreadPoolExecutor(max(1, len(services))) as threads:
        yield from threads.map(lambda service: _check(ctx, service), services)


def _check(ctx: StepContext, service: str) -> list[Finding]:
    found = _collect(service, lambda: getattr(ctx.backends, service).check())
    reachable = all(finding.check.status is not CheckStatus.FAIL for finding in found)
    if service == Service.DNS and reachable:
        found += _collect(service, lambda: _name_is_free(ctx))
    return found


def _collect(service: str, ask: Callable[[], list[Check]]) -> list[Finding]:
    try:
        return [Finding(check) for check in ask()]
    except HomeportError as error:
        return [Finding(failed_check(service, error), error)]


def _name_is_free(ctx: StepContext) -> list[Check]:
    """Planning the records finds out; the plan itself is thrown away."""
    wanted = planned_records(*(s for s in ctx.plan.steps if s.effect is Effect.CREATE))
    if not wanted:
        return []
    names = sorted({record.name for record in wanted})
    address = next(_SAMPLE[record.type] for record in wanted if not record.values)
    ctx.backends.dns.plan(ctx.owner, pointing_at(address, wanted))
    title = "Name of the deployment"
    found = f"{', '.join(names)}: free, or this deployment's own"
    return [Check(service=Service.DNS, title=title, status=CheckStatus.PASS, found=found)]


def not_ready(provider: str, problems: list[Finding]) -> HomeportError:
    """One error that names every problem; where there is but one, its own. Retryable where each
    of them is: a server that was busy for a moment ends no deployment."""
    if len(problems) == 1 and problems[0].error is not None:
        return problems[0].error
    checks = [problem.check for problem in problems]
    advice = [f"{check.do.rstrip('.')}." for check in checks if check.do]
    count = "one problem" if len(checks) == 1 else f"{len(checks)} problems"
    kind = NotReadyYet if all(check.retryable for check in checks) else NotReady
    return kind(
        f"the provider is not ready: {count}",
        on=provider,
        why="; ".join(f"{check.service}: {check.title}: {check.found}" for check in checks),
        left="nothing was made",
        do=" ".join(f"{n}. {text}" for n, text in enumerate(advice, 1))
        or "Mend this at the provider, then retry.",
    )
