"""Serves `/docs`: its pages as HTML and Markdown, search, and `/llms.txt`, their list for language models."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.docs import html, pages, search

TEXT = "text/plain; charset=utf-8"


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return redirect("docs_page", pages.SLUGS[0])


@require_safe
def docs_page(request: HttpRequest, slug: str) -> HttpResponse:
    _known(slug)
    body, headings = html.render(pages.markdown(slug))
    before, after = pages.neighbours(slug)
    context = {
        "page": pages.link(slug),
        "lead": pages.lead(slug),
        "html": body,
        "headings": headings,
        "navigation": pages.navigation(),
        "before": before,
        "after": after,
    }
    return render(request, "docs/page.html", context)


@require_safe
def docs_search(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "")[: search.MAX_QUERY_CHARS].strip()
    context = {"query": query, "results": search.search(query), "navigation": pages.navigation()}
    return render(request, "docs/search.html", context)


@require_safe
def docs_markdown(request: HttpRequest, slug: str) -> HttpResponse:
    _known(slug)
    return HttpResponse(pages.markdown(slug), content_type="text/markdown; charset=utf-8")


@require_safe
def llms(request: HttpRequest) -> HttpResponse:
    lines = ["# Utterance", "", "> A text-to-speech service with an API.", ""]
    for section, links in pages.navigation().items():
        lines += [f"## {section}", ""]
        for link in links:
            address = request.build_absolute_uri(reverse("docs_markdown", args=[link.slug]))
            lines.append(f"- [{link.title}]({address}): {pages.lead(link.slug)}")
        lines.append("")
    lines += ["## Reference", "", f"- [OpenAPI]({request.build_absolute_uri(reverse('openapi'))}): every endpoint", ""]
    return HttpResponse("\n".join(lines), content_type=TEXT)


@require_safe
def llms_full(request: HttpRequest) -> HttpResponse:
    return HttpResponse("\n\n".join(pages.markdown(slug) for slug in pages.SLUGS), content_type=TEXT)


def _known(slug: str) -> None:
    if slug not in pages.SLUGS:
        raise Http404
