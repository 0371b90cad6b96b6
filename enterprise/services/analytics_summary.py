"""The figures of a customer in words, asked for once per prompt and then kept (contract: enterprise-customers 4.12)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from config.api.exceptions import Refusal
from enterprise.models import ChatGPTResponse, EnterpriseCustomer
from enterprise.models.analytics import hash_of_prompt
from enterprise.queries.analytics_summary import kept_answers
from enterprise.summarisers import Question, SummariserFailed, summariser
from enterprise.summarisers.prompts import question

logger = logging.getLogger(__name__)

NO_SUMMARY = "The summary could not be written. Try again later."


def summarise(customer: EnterpriseCustomer, parts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The text of each part of the figures; answers that are kept are used again, new ones are kept.

    Args:
        parts: `learner_progress` and `learner_engagement` with their validated members.
    Raises:
        Refusal: 502, the summariser failed; then nothing is kept.
    """
    questions = {kind: question(kind, figures) for kind, figures in parts.items()}
    keys = {kind: hash_of_prompt(asked.prompt) for kind, asked in questions.items()}
    answers = kept_answers(customer, keys.values())
    if missing := {keys[kind]: asked for kind, asked in questions.items() if keys[kind] not in answers}:
        # Outside any transaction: a language model may take its time.
        written = _written(missing)
        _keep(customer, missing, written)
        # Another request may have been first with the same prompt: its answer counts.
        answers = {**written, **kept_answers(customer, keys.values())}
    return {kind: answers[key] for kind, key in keys.items()}


def _written(questions: Mapping[str, Question]) -> dict[str, str]:
    ask = summariser()
    try:
        return {key: ask(asked) for key, asked in questions.items()}
    except SummariserFailed as failure:
        logger.warning("an analytics summary failed: %s", failure)
        raise Refusal(NO_SUMMARY, status=502) from failure


def _keep(customer: EnterpriseCustomer, questions: Mapping[str, Question], written: Mapping[str, str]) -> None:
    ChatGPTResponse.objects.bulk_create(
        [
            ChatGPTResponse(
                enterprise_customer=customer,
                prompt=asked.prompt,
                prompt_hash=key,
                prompt_type=asked.kind,
                response=written[key],
            )
            for key, asked in questions.items()
        ],
        ignore_conflicts=True,
    )
