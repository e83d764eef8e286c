"""Does a change hold? Base and head measured in turn, within budgets, and one exit status."""
