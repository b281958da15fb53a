"""Exports and deletes all data of one account."""
