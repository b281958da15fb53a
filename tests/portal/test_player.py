"""A job as it is shown on a page."""

import pytest

from portal.pages.player import build_player
from tests.factories import make_account, make_job


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cost", "refund", "shown"),
    [(300, 300, ("0.01", "0.01")), (300, 0, ("0.01", "")), (30_000, 12_300, ("0.03", "0.01"))],
)
def test_a_full_refund_reads_like_the_charge(cost: int, refund: int, shown: tuple[str, str]):
    job = make_job(make_account(), cost_microcredits=cost, refunded_microcredits=refund)
    player = build_player(job)
    assert (player.cost, player.refunded) == shown
