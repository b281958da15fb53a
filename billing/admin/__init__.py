"""The operators' pages over money, by topic; importing one registers its pages."""

from billing.admin import ledger, packs, payments

__all__ = ["ledger", "packs", "payments"]
