"""What engines share whose voices are somebody else's, over the network.

`request_batching` packs a text into as few requests as fit a provider's limit, `retries` tries again what a moment's
failure spoiled, `duration_check` refuses what cannot be the text that was asked for. None of them knows a provider.
"""
