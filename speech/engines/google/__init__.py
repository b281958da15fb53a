"""Google Cloud Text-to-Speech over the network, with the operator's service account.

Other packages use `engine`. `voices` lists what the families support and turns Google's names into entries, `messages`
builds requests and reads responses, `client` holds the connection and the credentials, `errors` translates failures.
The package google-cloud-texttospeech is imported when speech is first requested, not before.
"""

from speech.engines.google.engine import GoogleEngine

__all__ = ["GoogleEngine"]
