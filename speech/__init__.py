"""Text in, sound out: engines, audio, SSML, segments. No models, no database, no account; of Django the settings
alone.
"""
