"""An API compatible with OpenAI's, under `/v1`: existing clients only change the base URL and the key.

Only the format differs. A request becomes a job like any other, with the same keys, prices, limits and ledger.
"""
