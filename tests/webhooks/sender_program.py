"""A process that sends what is due: `python -m tests.webhooks.sender_program`."""

import django

if __name__ == "__main__":
    django.setup()
    from webhooks.sender import Sender

    Sender(slots=5).run()
