"""Answers that are kept (contract: enterprise-customers 4.12)."""

from __future__ import annotations

from collections.abc import Collection

from enterprise.models import ChatGPTResponse, EnterpriseCustomer


def kept_answers(customer: EnterpriseCustomer, prompt_hashes: Collection[str]) -> dict[str, str]:
    """Hash of the prompt -> answer, of those that the customer has. One statement."""
    answers = ChatGPTResponse.objects.filter(enterprise_customer=customer, prompt_hash__in=prompt_hashes).order_by()
    return dict(answers.values_list("prompt_hash", "response"))
