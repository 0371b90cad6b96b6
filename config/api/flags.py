"""The runtime flags that list answers report (contract: enterprise-customers 1.2)."""

from __future__ import annotations

import hashlib
from typing import Any

from waffle import get_waffle_flag_model
from waffle.models import CACHE_EMPTY
from waffle.utils import get_cache

ENTERPRISE_FEATURES = {
    "top_down_assignment_real_time_lcm": "enterprise.top_down_assignment_real_time_lcm",
    "feature_prequery_search_suggestions": "enterprise.feature_prequery_search_suggestions",
    "enterprise_customer_support_tool": "enterprise.enterprise_customer_support_tool",
    "enterprise_learner_bff_enabled": "enterprise.learner_bff_enabled",
    "admin_portal_learner_profile_view_enabled": "enterprise.admin_portal_learner_profile_view_enabled",
    "catalog_query_search_filters_enabled": "enterprise.catalog_query_search_filters_enabled",
    "enterprise_admin_onboarding_enabled": "enterprise.enterprise_admin_onboarding",
    "enterprise_edit_highlights_enabled": "enterprise.edit_highlights_enabled",
    "enterprise_ai_pathways_operator_enabled": "enterprise.ai_pathways_operator_enabled",
    "use_algolia_index_v2": "enterprise.use_algolia_index_v2",
}


def enterprise_features(request: Any) -> dict[str, bool]:
    """The state of each feature flag for the caller; one statement, or none while the flags cache is warm."""
    flags = _flags(set(ENTERPRISE_FEATURES.values()))
    return {
        feature: name in flags and _is_active(flags[name], request) for feature, name in ENTERPRISE_FEATURES.items()
    }


def _flags(names: set[str]) -> dict[str, Any]:
    """The stored flags of these names, through waffle's own cache entries, so that its own flushing reaches them."""
    model, cache = get_waffle_flag_model(), get_cache()
    keys = {model._cache_key(name): name for name in names}
    found = {keys[key]: flag for key, flag in cache.get_many(keys).items()}
    if missing := names - set(found):
        stored = {flag.name: flag for flag in model.objects.filter(name__in=missing)}
        for key, name in keys.items():
            if name in missing:
                found[name] = stored.get(name, CACHE_EMPTY)
                cache.add(key, found[name])
    return {name: flag for name, flag in found.items() if flag != CACHE_EMPTY}


def _is_active(flag: Any, request: Any) -> bool:
    if flag.percent:
        # Waffle would draw lots for each request and remember the outcome in a cookie; API clients keep none.
        drawn = {flag.name: [_share(flag.name, request.user.pk) < flag.percent, flag.rollout]}
        request.waffles = {**getattr(request, "waffles", {}), **drawn}
    return bool(flag.is_active(request, read_only=True))


def _share(name: str, account_id: Any) -> float:
    """Where an account stands among all, 0 to 100: always the same for one flag."""
    digest = hashlib.sha256(f"{name}:{account_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 * 100
