"""The ledger's database triggers. `accounts.append_only` explains them and what migrations have to do."""

from accounts.append_only import TableGuard

LEDGER_GUARD = TableGuard("billing_ledgerentry", "ledger", "ledger entries are append-only")

create_triggers = LEDGER_GUARD.create_triggers
drop_triggers = LEDGER_GUARD.drop_triggers
