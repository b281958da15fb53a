"""The API in OpenAI's shape, under `/v1`: for programs written for theirs, with only the address and the key changed.

Owns the form alone. A request here becomes a job like any other: same keys, prices, limits, ledger.
"""
