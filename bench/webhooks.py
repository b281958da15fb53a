"""`make bench-webhooks`: compares the rate of the webhook sender with that of its HTTP client alone, in the same run.

Uses PostgreSQL and Redis: those of TEST_DATABASE_URL and TEST_REDIS_URL, or private ones. 10,000 events for 100
endpoints are waiting, and one message wakes a worker (`manage.py start worker webhooks`). The client alone sends as
many requests of the same size to the same receivers, with as many threads, without signatures or records.
Requirement: the sender reaches ≥ 0.4 × the rate of the client, median of the rounds.

    python -m bench.webhooks [ROUNDS] [EVENTS]
"""

import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from tests.peers.webhook_receiver import AUTHORITY, authority_file
from tests.run import clean_environment
from tests.support.processes import ends_with_parent
from tests.support.services import create_database, postgres, redis_databases
from tests.support.waiting import wait_for

ENDPOINTS = 100
SLOTS = 16
BAR = 0.4
RECEIVER_PROCESSES = 2

# An event-driven receiver in its own process: one with a thread per connection would be slower than the sender.
RECEIVER = """
import asyncio, ssl, sys

ANSWER = b"HTTP/1.1 204 No Content\\r\\n\\r\\n"


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\\r\\n")[0])
            await reader.readexactly(length)
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, OSError):
        pass
    finally:
        writer.close()


async def main(certificate, count):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    servers = [await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) for _ in range(count)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@contextmanager
def receivers(folder: Path) -> Iterator[list[str]]:
    """Yields the URLs of ENDPOINTS receivers, each with its own port so that it counts as a separate receiver."""
    certificate = folder / "receiver.pem"
    AUTHORITY.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    ports: list[str] = []
    processes = []
    try:
        for _ in range(RECEIVER_PROCESSES):
            count = str(ENDPOINTS // RECEIVER_PROCESSES)
            process = subprocess.Popen(
                [sys.executable, "-c", RECEIVER, str(certificate), count], stdout=subprocess.PIPE,
                preexec_fn=ends_with_parent(signal.SIGKILL),
            )  # fmt: skip
            processes.append(process)
            assert process.stdout is not None
            ports += process.stdout.readline().decode().split()
        yield [f"https://127.0.0.1:{port}/hook" for port in ports]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def fill(urls: list[str], events: int) -> None:
    """Creates accounts, endpoints and failed jobs, with their events due now."""
    from django.db import transaction
    from django.utils import timezone

    from accounts.models import Account, Plan
    from accounts.services.audit import SYSTEM
    from tts.models import Job, JobStatus
    from webhooks.models import Delivery, Endpoint
    from webhooks.services.endpoints import save_endpoint
    from webhooks.ssrf import parse_target

    plan, now = Plan.objects.get(pk="enterprise"), timezone.now()
    if not Endpoint.objects.exists():
        for number, url in enumerate(urls):
            account = Account.objects.create(name=f"Account {number}", plan=plan)
            save_endpoint(account=account, url=url, actor=SYSTEM, reason="A benchmark.")
    endpoints = list(Endpoint.objects.select_related("account"))
    jobs = [
        Job(
            account=endpoints[number % len(endpoints)].account, status=JobStatus.FAILED, text="Hello.", voice_id="x",
            provider="espeak", queue="speech.espeak", output_format="wav", sample_rate_hertz=22050, chars_charged=6,
            cost_microcredits=0, error_code="GENERATION_FAILED", error_message="It failed.", finished_at=now,
        )
        for number in range(events)
    ]  # fmt: skip
    receiver_of = {endpoint.account_id: parse_target(endpoint.url).receiver for endpoint in endpoints}
    with transaction.atomic():
        Job.objects.bulk_create(jobs, batch_size=1000)
        Delivery.objects.bulk_create(
            [
                Delivery(
                    account=job.account, event="job.failed", job_id=job.pk, receiver=receiver_of[job.account_id],
                    created_at=now, next_attempt_at=now,
                )
                for job in jobs
            ],
            batch_size=1000,
        )  # fmt: skip


def drain(environment: dict[str, str]) -> float:
    """Returns the seconds from the wake-up to the last recorded event, with a worker that was already running."""
    from config.celery import app
    from webhooks.dispatch import wake_sender
    from webhooks.models import Delivery

    command = [sys.executable, "manage.py", "start", "worker", "webhooks"]
    worker = subprocess.Popen(command, env=environment, preexec_fn=ends_with_parent(signal.SIGKILL))
    try:
        wait_for(lambda: app.control.inspect(timeout=0.5).ping(), "the worker", seconds=60)
        begin = time.perf_counter()
        wake_sender()
        while Delivery.objects.filter(state="pending").exists():
            threading.Event().wait(0.02)
            if time.perf_counter() - begin > 600:
                raise SystemExit("it does not drain")
        return time.perf_counter() - begin
    finally:
        worker.terminate()
        worker.wait()


def send_bare(urls: list[str], events: int) -> float:
    """Returns the seconds that the client alone takes."""
    from webhooks import client, transport
    from webhooks.ssrf import parse_target

    targets = [parse_target(url) for url in urls]
    headers = {
        "X-TTS-Event": "job.failed", "X-TTS-Delivery-ID": "0" * 36, "X-TTS-Attempt": "1", "webhook-id": "0" * 36,
        "X-TTS-Signature": f"t=1700000000,v1={'0' * 64}", "webhook-timestamp": "1700000000",
        "webhook-signature": f"v1,{'0' * 44}",
    }  # fmt: skip
    body = b"x" * 280

    def send(number: int) -> None:
        answer = client.post(targets[number % len(targets)], headers=headers, body=body)
        if not answer.is_success:
            raise SystemExit(f"the receiver failed: {answer.error}")

    def send_all(batch: list[int]) -> None:
        for number in batch:
            send(number)

    transport.close_connections()
    # Batches of 25 to one receiver, like the sender.
    order = [number for first in range(len(targets)) for number in range(first, events, len(targets))]
    begin = time.perf_counter()
    with ThreadPoolExecutor(SLOTS) as pool:
        batches = [order[start : start + 25] for start in range(0, len(order), 25)]
        list(pool.map(send_all, batches))
    return time.perf_counter() - begin


def main(rounds: int, events: int) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="utterance-bench-")))
        server, name = stack.enter_context(postgres(os.environ.get("TEST_DATABASE_URL", "")))
        (redis_url,) = stack.enter_context(redis_databases(os.environ.get("TEST_REDIS_URL", ""), count=1))
        urls = stack.enter_context(receivers(folder))
        environment = clean_environment() | {
            "DATA_DIR": str(folder),
            "DATABASE_URL": create_database(server, name),
            "REDIS_URL": redis_url,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "WEBHOOK_SECRET_KEYS": Fernet.generate_key().decode(),
            "WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
            "WEBHOOK_PORTS": ",".join(url.rpartition(":")[2].partition("/")[0] for url in urls),
            "WEBHOOK_CA_FILE": str(authority_file(folder)),
            "WEBHOOK_SLOTS": str(SLOTS),
            "LOG_FORMAT": "line",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        os.environ.clear()
        os.environ.update(environment)
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        ratios = []
        for number in range(rounds):
            fill(urls, events)
            bare = send_bare(urls, events)
            drained = drain(environment)
            ratios.append(bare / drained)
            print(
                f"round {number + 1}: bare client {events / bare:,.0f}/s, drain {events / drained:,.0f}/s, "
                f"ratio {bare / drained:.2f}",
                flush=True,
            )
        from webhooks.models import Attempt, Delivery

        assert Delivery.objects.filter(state="delivered").count() == rounds * events == Attempt.objects.count()
        connections.close_all()
    ratio = statistics.median(ratios)
    print(f"{events:,} events to {ENDPOINTS} endpoints: median ratio {ratio:.2f}, bar {BAR}")
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*given, *(3, 10_000)[len(given) :]))
