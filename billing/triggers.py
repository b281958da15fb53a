"""The ledger's own guard in the database. How it guards, and what migrations owe it: `accounts.append_only`."""

from accounts.append_only import TableGuard

LEDGER_GUARD = TableGuard("billing_ledgerentry", "ledger", "ledger entries are append-only")

create_triggers = LEDGER_GUARD.create_triggers
drop_triggers = LEDGER_GUARD.drop_triggers
