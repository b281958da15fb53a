"""What engines share whose voices are somebody else's, over the network.

`pieces` packs a text into as few requests as fit a provider's limit, `retries` tries again what a moment's failure
spoiled, `plausible` refuses what cannot be the text that was asked for. None of them knows a provider.
"""
