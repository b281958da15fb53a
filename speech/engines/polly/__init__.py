"""Amazon Polly: voices of four families, by way of boto3.

`engine` is what the rest of the house uses, `credentials` who asks, `calls` what is asked, `errors` what goes wrong
there in our words, `voices` the catalogue as Amazon tells it, `markup` SSML as each family takes it.
"""

from speech.engines.polly.engine import PollyEngine

__all__ = ["PollyEngine"]
