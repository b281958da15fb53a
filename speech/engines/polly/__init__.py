"""Amazon Polly: voices of four families, through boto3.

Other packages use `engine`. `credentials` finds the credentials, `calls` makes the requests, `errors` translates
failures, `voices` builds the catalogue from Amazon's list, and `markup` renders SSML for each family.
"""

from speech.engines.polly.engine import PollyEngine

__all__ = ["PollyEngine"]
