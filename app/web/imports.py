"""The import page: files in, how far they are, what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, Final

from flask import Blueprint, Response, redirect, render_template, request, send_file
from werkzeug.wrappers import Response as AnyResponse

from app.jobs.imports import cancel_import, enqueue_import, import_again
from app.jobs.uploads import new_upload
from app.web import links
from app.web.import_view import ImportView, read_import, read_imports, rejects_path
from app.web.json import json_response, wants_json
from app.web.pages import Page
from app.web.receive import receive
from app.web.state import get_database
from app.web.stores import get_settings

bp = Blueprint("imports", __name__)

SHOWN: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportsPage(Page):
    """All that imports/index.html may use; ``older`` leads on, where there are more."""

    template: ClassVar[str] = "imports/index.html"
    tab: ClassVar[str] = "import"

    most_mb: int
    imports: Sequence[ImportView]
    older: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPage(Page):
    """All that imports/import.html may use."""

    template: ClassVar[str] = "imports/import.html"
    tab: ClassVar[str] = "import"

    most_mb: int
    view: ImportView


@bp.get("/imports")
def imports() -> str:
    """Show the form, and all imports, the newest first."""
    settings = get_settings()
    before = request.args.get("before", type=int)
    found = read_imports(settings, get_database(), SHOWN + 1, before)
    older = links.with_args(before=found[SHOWN - 1].id) if len(found) > SHOWN else None
    return ImportsPage(most_mb=settings.max_upload_mb, imports=found[:SHOWN], older=older).render()


@bp.get("/imports.json")
def imports_json() -> Response:
    """Return imports as JSON, the newest first; ``before`` of an address goes on at ``next``."""
    settings = get_settings()
    before = request.args.get("before", type=int)
    found = read_imports(settings, get_database(), SHOWN + 1, before)
    shown = [view.to_json(_rejects(view.id)) for view in found[:SHOWN]]
    return json_response({"imports": shown, "next": found[SHOWN - 1].id if len(found) > SHOWN else None})


@bp.post("/imports")
@bp.post("/imports.json")
def add() -> AnyResponse:
    """Take files and queue their import."""
    settings, database = get_settings(), get_database()
    with new_upload(settings) as upload:
        number = enqueue_import(database, upload, receive(request, upload, settings))
    if wants_json():
        document = read_import(settings, database, number).to_json(_rejects(number))
        return json_response(document, HTTPStatus.ACCEPTED, {"Location": links.import_(number, ".json")})
    return redirect(links.import_(number), HTTPStatus.SEE_OTHER)


@bp.get("/imports/<int:number>")
def import_(number: int) -> str:
    """Show one import."""
    settings = get_settings()
    return ImportPage(
        most_mb=settings.max_upload_mb, view=read_import(settings, get_database(), number)
    ).render()


@bp.get("/imports/<int:number>/progress")
def progress(number: int) -> str:
    """Return the part of the page that changes, for the script that fetches it."""
    view = read_import(get_settings(), get_database(), number)
    return render_template("imports/_import.html", view=view)


@bp.get("/imports/<int:number>.json")
def import_json(number: int) -> Response:
    """Return one import as JSON."""
    view = read_import(get_settings(), get_database(), number)
    return json_response(view.to_json(_rejects(number)))


@bp.get("/imports/<int:number>/rejects.ndjson")
def rejects(number: int) -> Response:
    """Return all rejects, a line of JSON each."""
    view = read_import(get_settings(), get_database(), number)
    path = rejects_path(get_settings(), view.id).resolve()
    if not path.exists():
        return Response(b"", content_type="application/x-ndjson")
    name = f"import-{view.id}-rejects.ndjson"
    return send_file(path, "application/x-ndjson", as_attachment=True, download_name=name, etag=False)


@bp.post("/imports/<int:number>/cancel")
def cancel(number: int) -> AnyResponse:
    """Stop an import, or give up one that failed."""
    cancel_import(get_settings(), get_database(), number)
    return redirect(links.import_(number), HTTPStatus.SEE_OTHER)


@bp.post("/imports/<int:number>/again")
def again(number: int) -> AnyResponse:
    """Queue an import that failed once more."""
    import_again(get_settings(), get_database(), number)
    return redirect(links.import_(number), HTTPStatus.SEE_OTHER)


def _rejects(number: int) -> str:
    return f"{links.import_(number)}/rejects.ndjson"
