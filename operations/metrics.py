"""`/metrics` for Prometheus: what this process counts (`config.metrics`), and job metrics from the database.

Workers are not queried, because their work is in the database. Every web process therefore reports the same job
metrics: use one of them (`max without (instance, job)`), do not add them up.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db.models import Count, F, Min, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from config.access_log import is_from_this_machine
from config.metrics import REGISTRY
from tts.models import Job, JobStatus
from tts.queue_presence import list_needed_queues

# `finished_at` is written a moment before the row is visible, by a machine whose clock may be slightly behind.
SETTLE_SECONDS = 10.0


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Serves the metrics.

    If METRICS_TOKEN is set, requests need `Authorization: Bearer …`; otherwise they must come from this machine. All
    others get a 404.
    """
    if not _may_read(request):
        raise Http404
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        return constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}")
    return is_from_this_machine(request)


class JobMetrics(Collector):
    """Jobs and queues, read through small indexes at each scrape. Counters start at zero with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted_until = timezone.now()
        self._finished: Counter[tuple[str, str]] = Counter()
        self._audio_ms: Counter[str] = Counter()
        self._work_seconds: defaultdict[str, float] = defaultdict(float)
        self._characters: Counter[str] = Counter()

    def describe(self) -> Iterator[Metric]:
        yield from ()  # called at registration, which must not query the database

    def collect(self) -> Iterator[Metric]:
        is_up = GaugeMetricFamily("utterance_database_up", "Whether the database responded to this scrape.")
        try:
            families = [*self._queues(), *self._totals()]
        except AnyDatabaseError:
            is_up.add_metric([], 0)
            yield is_up
            return
        is_up.add_metric([], 1)
        yield is_up
        yield from families

    def _queues(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("utterance_queue_depth", "Queued jobs.", labels=["queue"])
        age = GaugeMetricFamily("utterance_queue_oldest_seconds", "Age of the oldest queued job.", labels=["queue"])
        running = GaugeMetricFamily("utterance_jobs_processing", "Jobs being processed.", labels=["engine"])
        now = timezone.now()
        pending = Job.objects.filter(status=JobStatus.PENDING).order_by().values("queue")
        rows = pending.annotate(count=Count("*"), oldest=Min("created_at"))
        waiting = {row["queue"]: (row["count"], row["oldest"]) for row in rows}
        for queue in sorted({*settings.SPEECH_QUEUES, *waiting}):
            count, oldest = waiting.get(queue, (0, now))
            depth.add_metric([queue], count)
            age.add_metric([queue], max(0.0, (now - oldest).total_seconds()))
        processing = Job.objects.filter(status=JobStatus.PROCESSING).order_by().values("provider")
        counts = dict.fromkeys(settings.SPEECH_ENGINES, 0) | dict(
            processing.annotate(count=Count("*")).values_list("provider", "count")
        )
        for engine, count in sorted(counts.items()):
            running.add_metric([engine], count)
        unserved = GaugeMetricFamily(
            "utterance_queue_unserved_seconds",
            "Seconds since the queue last had a worker; 0 while it has one.",
            labels=["queue"],
        )
        for status in list_needed_queues():
            unserved.add_metric([status.queue], status.unserved_seconds)
        yield from (depth, age, running, unserved)

    def _totals(self) -> Iterator[Metric]:
        finished = CounterMetricFamily(
            "utterance_jobs_finished", "Finished jobs by status.", labels=["engine", "status"]
        )
        audio = CounterMetricFamily("utterance_audio_seconds", "Seconds of audio generated.", labels=["engine"])
        work = CounterMetricFamily(
            "utterance_synthesis_seconds", "Seconds from a completed job's first claim to its end.", labels=["engine"]
        )
        characters = CounterMetricFamily("utterance_characters", "Characters of completed jobs.", labels=["engine"])
        with self._lock:
            self._count_until(timezone.now() - timedelta(seconds=SETTLE_SECONDS))
            for (engine, status), count in sorted(self._finished.items()):
                finished.add_metric([engine, status], count)
            for engine in sorted(self._audio_ms):
                audio.add_metric([engine], self._audio_ms[engine] / 1000)
                work.add_metric([engine], self._work_seconds[engine])
                characters.add_metric([engine], self._characters[engine])
        yield from (finished, audio, work, characters)

    def _count_until(self, moment: datetime) -> None:
        """Adds the jobs that finished since the last scrape, so that each scrape reads only new ones."""
        if moment <= self._counted_until:
            return
        new = Job.objects.filter(finished_at__gt=self._counted_until, finished_at__lte=moment).order_by()
        rows = new.values("provider", "status").annotate(
            count=Count("*"),
            audio_ms=Sum("duration_ms"),
            chars=Sum("chars_charged"),
            work=Sum(F("finished_at") - F("started_at")),
        )
        for row in list(rows):
            engine, status = row["provider"], row["status"]
            self._finished[engine, status] += row["count"]
            if status == JobStatus.COMPLETED:
                self._audio_ms[engine] += row["audio_ms"]
                self._characters[engine] += row["chars"]
                self._work_seconds[engine] += (row["work"] or timedelta()).total_seconds()
        self._counted_until = moment


REGISTRY.register(JobMetrics())
