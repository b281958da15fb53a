"""The kinds of audio store: local files, S3, and Google Cloud Storage.

`config.audio_store` chooses one, `tts.storage.store` uses it. Each saves whole files or nothing, signs URLs for them,
and times out if its server does not respond.
"""
