"""Google Cloud Text-to-Speech: voices of Google's, over the network, for whoever has a service account there.

`engine` is what the rest of the house uses. `voices` says what the families can and makes entries of Google's names,
`messages` writes and reads Google's messages, `client` holds the connection and the credentials, `errors` translates
what goes wrong. The package google-cloud-texttospeech is imported when the first word is spoken, not before.
"""

from speech.engines.google.engine import GoogleEngine

__all__ = ["GoogleEngine"]
