"""Turns text into audio: engines, SSML, segments and encoders.

Uses no models and no database, and nothing of Django but its settings.
"""
