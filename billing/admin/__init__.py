"""Admin pages for billing, by topic. Importing a module registers its pages."""

from billing.admin import ledger, packs, payments

__all__ = ["ledger", "packs", "payments"]
