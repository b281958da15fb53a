"""The kinds of audio store: files of this machine, S3, Google Cloud Storage.

`config.audio_store` chooses one, `tts.storage.store` uses it. Each saves whole files or nothing, signs URLs for them,
and gives up on a server that does not answer.
"""
