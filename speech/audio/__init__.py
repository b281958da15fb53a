"""Turns an engine's PCM into the caller's file: formats, encoders, files and tempo.

Pure Python and PyAV, no Django. Nothing is re-exported here, so that the web process can import `speech.audio.formats`
without loading the codec libraries.
"""
