"""Shared code of the engines that call a provider over the network.

`request_batching` packs a text into as few requests as a provider's limit allows, `retries` repeats a request after a
temporary failure, `duration_check` rejects audio that cannot be the requested text. None is specific to a provider.
"""
