"""The target of a run: profile, accounts, approval record, limits, production guard. Nothing here sends."""

from conformance.target.approval import Approval, ApprovedPool
from conformance.target.limits import Budget
from conformance.target.loading import BUILT_IN, load
from conformance.target.problems import Problem, ProfileError
from conformance.target.production import refusal
from conformance.target.profile import Account, Cards, Handler, Target, Webhooks
from conformance.target.recipes import HelperCall, Recipe
from conformance.target.secret import Secret
from conformance.target.sections import GATE_RECIPES, STANDINGS, Limits, OrderDefaults, Patience, SessionDefaults

__all__ = [
    "BUILT_IN",
    "GATE_RECIPES",
    "STANDINGS",
    "Account",
    "Approval",
    "ApprovedPool",
    "Budget",
    "Cards",
    "Handler",
    "HelperCall",
    "Limits",
    "OrderDefaults",
    "Patience",
    "Problem",
    "ProfileError",
    "Recipe",
    "Secret",
    "SessionDefaults",
    "Target",
    "Webhooks",
    "load",
    "refusal",
]
