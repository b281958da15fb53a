from django.urls import include, path

from portal.docs import views as docs
from portal.pages import compare, crawlers, data, gallery, job, jobs, playground, pricing, theme
from portal.pages.favourites import favourite
from portal.pages.installing import installing
from portal.pages.landing import home
from portal.pages.overview import overview
from portal.pages.sample import voice_sample
from portal.pages.usage import usage
from tts.api.schema import api_reference
from tts.storage.download import audio_file
from tts.streaming.views import stream_audio

urlpatterns = [
    path("docs/api", api_reference, name="api_reference"),
    path("docs", docs.docs, name="docs"),
    path("docs/search", docs.docs_search, name="docs_search"),
    path("docs/<slug:slug>.md", docs.docs_markdown, name="docs_markdown"),
    path("docs/<slug:slug>", docs.docs_page, name="docs_page"),
    path("llms.txt", docs.llms, name="llms"),
    path("llms-full.txt", docs.llms_full, name="llms_full"),
    path("", home, name="home"),
    path("installing", installing, name="installing"),
    path("overview", overview, name="overview"),
    path("playground", playground.playground, name="playground"),
    path("playground/price", playground.price, name="playground_price"),
    path("jobs", jobs.jobs, name="jobs"),
    path("jobs.csv", jobs.jobs_csv, name="jobs_csv"),
    path("jobs/<uuid:job_id>", job.job, name="job"),
    path("jobs/<uuid:job_id>/sound", job.sound, name="job_sound"),
    path("jobs/<uuid:job_id>/again", job.again, name="job_again"),
    path("jobs/<uuid:job_id>/cancel", job.cancel, name="job_cancel"),
    path("jobs/<uuid:job_id>/delete", job.delete, name="job_delete"),
    path("settings/data/delete", data.delete, name="delete_account"),
    path("settings/data/keep", data.keep, name="keep_account"),
    path("settings/data", data.data, name="account_data"),
    path("settings/data/exports/<uuid:export_id>", data.download_export, name="download_export"),
    path("", include("accounts.urls")),
    path("", include("webhooks.urls")),
    path("billing/usage", usage, name="billing_usage"),
    path("voices", gallery.gallery, name="gallery"),
    path("voices/compare", compare.compare, name="compare"),
    path("voices/compare/sound", compare.sound, name="compare_sound"),
    path("voices/<str:voice_id>", gallery.voice_page, name="voice"),
    path("voices/<str:voice_id>/favourite", favourite, name="voice_favourite"),
    path("theme", theme.choose_theme, name="theme"),
    path("robots.txt", crawlers.robots, name="robots"),
    path("sitemap.xml", crawlers.sitemap, name="sitemap"),
    path("pricing", pricing.pricing, name="pricing"),
    path("voices/<str:voice_id>/sample", voice_sample, name="voice_sample"),
    path("voices/<str:voice_id>/samples/<slug:kind>", voice_sample, name="voice_sample_of_kind"),
    path("stream/<uuid:job_id>/<str:token>", stream_audio, name="stream_audio"),
    path("audio/<path:key>", audio_file, name="audio_file"),
]
