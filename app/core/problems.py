"""A problem as a client reads it."""

from collections.abc import Sequence

from app.core.errors import Problem
from app.core.locales import Catalogue
from app.core.schemas import FieldError, ProblemDetails


def present_problem(
    problem: Problem,
    texts: Catalogue,
    instance: str | None = None,
    errors: Sequence[FieldError] = (),
) -> ProblemDetails:
    """`instance` is the path that was asked for; `errors` are the fields at fault."""
    text = texts.error(problem.code, problem.details)
    return ProblemDetails(
        type="about:blank",
        title=text.title,
        status=problem.status,
        code=problem.code,
        detail=text.detail,
        next=text.next,
        instance=instance,
        errors=list(errors) or None,
    )
