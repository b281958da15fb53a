"""`make run STRIPE=local`: the service beside a stand-in for Stripe, to try buying with no account there.

Cards are not asked for, and no money moves: the stand-in's Checkout has a button that pays.
"""

import os
import secrets
import signal
import subprocess
import sys

from tests.peers.stripe_peer import API_KEY, ROOT, stripe_peer


def main() -> int:
    secret = f"whsec_{secrets.token_hex(16)}"
    with stripe_peer() as peer:
        port = os.environ.get("PORT", "8000")
        peer.deliver_to(f"http://127.0.0.1:{port}/webhooks/stripe/", secret=secret)
        environment = os.environ | {
            "STRIPE_API_KEY": API_KEY,
            "STRIPE_WEBHOOK_SECRET": secret,
            "STRIPE_API_BASE": peer.url,
        }
        print(f"Buying is on, by a stand-in for Stripe at {peer.url}: no card, no money.", flush=True)
        service = subprocess.Popen([sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _frame: service.send_signal(number))
        return service.wait()


if __name__ == "__main__":
    sys.exit(main())
