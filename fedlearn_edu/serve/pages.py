"""Pages and files: the home page, the labs, errors, and what they are made of."""

import contextlib
import functools
import gzip
import hashlib
import json
import mimetypes
from dataclasses import dataclass
from pathlib import Path

import jinja2
import markupsafe
import tornado.web

from fedlearn_edu import __version__, course, labs, paths
from fedlearn_edu.course.markup import to_html
from fedlearn_edu.i18n import HTML_LANG, LANGUAGES, Translator
from fedlearn_edu.strings.home import STRINGS

from . import chapters
from .kernels import Full, OpenFailed

LANGUAGE_COOKIE = "fedlearn-lang"
FLAGSHIP = "convergence"
YEAR = 365 * 24 * 3600
RETRY_AFTER = 20
COMPRESSIBLE = {"text/javascript", "text/css", "image/svg+xml", "application/json", "text/html"}
SERVED = (".js", ".css", ".svg", ".png", ".woff2", ".woff", ".ttf", ".json", ".ico")


def content_security_policy(host):
    """Return the policy of every page: nothing may be loaded from, or sent to, another host.

    ``blob:`` is how a widget's module reaches the browser, and inline styles are what the
    widget libraries set.  The socket's address is spelled out for browsers that do not count
    it as the page's own.
    """
    return "; ".join(
        [
            "default-src 'self'",
            "script-src 'self' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src 'self' blob: ws://{host} wss://{host}",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        ]
    )


@functools.cache
def thumbnail(name):
    """Return a lab's picture as markup, so that it takes on the page's colours."""
    folder = paths.assets() / "thumbnails"
    path = folder / f"{name}.svg"
    path = path if path.is_file() else folder / "default.svg"
    return markupsafe.Markup(path.read_text(encoding="utf-8"))


class Files:
    """Files that never change while the server runs, each compressed once and kept in memory.

    Their addresses carry a stamp of their contents, so that a browser need not ask again.

    Parameters
    ----------
    roots : list of (str, path)
        Beginnings of addresses, and the folders in which the rest is looked up.
    """

    def __init__(self, roots):
        self._roots = [(prefix + "/", Path(root).resolve()) for prefix, root in roots]
        self._cache = {}
        digest = hashlib.sha256(__version__.encode())
        for _, root in self._roots:
            for path in sorted(root.rglob("*")):
                if path.suffix in SERVED:
                    stat = path.stat()
                    digest.update(f"{path}{stat.st_size}{stat.st_mtime_ns}".encode())
        self.stamp = digest.hexdigest()[:10]

    def find(self, address):
        """Return ``(content type, bytes, gzipped bytes or None)``, or None."""
        for prefix, root in self._roots:
            if address.startswith(prefix):
                with contextlib.suppress(OSError, ValueError):  # names that no file can have
                    path = (root / address.removeprefix(prefix)).resolve()
                    if path.suffix in SERVED and path.is_relative_to(root) and path.is_file():
                        return self._read(path)
        return None

    def _read(self, path):
        key = (path, path.stat().st_mtime_ns)
        if key not in self._cache:
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            kind = "text/javascript" if path.suffix == ".js" else kind
            data = path.read_bytes()
            packed = gzip.compress(data, 6) if kind in COMPRESSIBLE and len(data) > 500 else None
            self._cache[key] = kind, data, packed
        return self._cache[key]


@dataclass(frozen=True)
class Site:
    """What all pages share."""

    base_url: str
    files: Files
    env: jinja2.Environment
    page_config: dict
    names: tuple
    preload: tuple
    local: bool

    def asset(self, path):
        """Return the address of a file."""
        return f"{self.base_url}static/{self.files.stamp}/{path}"

    def warm_up(self):
        """Compress what the first learner's browser will ask for."""
        for address in self.preload:
            self.files.find(address.partition("?")[0])


def make_environment():
    """Return the Jinja environment of the pages."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.WEB / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    env.filters["marked"] = lambda text: markupsafe.Markup(to_html(text))
    return env


class Secure:
    """Headers that every answer has."""

    def set_default_headers(self):
        """Set them before anything else can happen."""
        self.set_header("Server", "fedlearn_edu")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Content-Security-Policy", content_security_policy(self.request.host))


class StaticFile(Secure, tornado.web.RequestHandler):
    """A file out of `Files`."""

    SUPPORTED_METHODS = ("GET", "HEAD")

    def initialize(self, site):
        """Take what all pages share."""
        self.site = site

    def get(self, stamp, address):
        """Send the file, compressed if the browser can read that."""
        found = self.site.files.find(address)
        if found is None:
            raise tornado.web.HTTPError(404)
        kind, data, packed = found
        current = stamp == self.site.files.stamp
        cache = f"public, max-age={YEAR}, immutable" if current else "no-cache"
        self.set_header("Cache-Control", cache)
        self.set_header("Content-Type", kind)
        self.set_header("Vary", "Accept-Encoding")
        if packed and "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            data = packed
        self.finish(data)

    head = get

    def write_error(self, status_code, **kwargs):
        """Send the status alone."""
        self.finish(f"{status_code}\n")


class Page(Secure, tornado.web.RequestHandler):
    """A page for people, in their language."""

    SUPPORTED_METHODS = ("GET", "HEAD")

    def initialize(self, site):
        """Take what all pages share."""
        self.site = site

    def language(self):
        """Return the language of the page: ``?lang=``, else the cookie, else the browser's."""
        asked = self.get_query_argument("lang", None)
        for choice in (asked, self.get_cookie(LANGUAGE_COOKIE)):
            if choice in LANGUAGES:
                return choice
        best = self.get_browser_locale_codes()
        return next((code for code in best if code in LANGUAGES), LANGUAGES[0])

    def get_browser_locale_codes(self):
        """Return the languages that the browser asks for, best first."""
        wanted = []
        for part in self.request.headers.get("Accept-Language", "").split(",")[:20]:
            code, _, quality = part.strip().partition(";q=")
            try:
                wanted.append((-float(quality or 1), code.lower().split("-")[0]))
            except ValueError:
                continue
        return [code for _, code in sorted(wanted, key=lambda pair: pair[0])]

    def prepare(self):
        """Find the language, and remember it if it was asked for."""
        self.lang = self.language()
        if self.get_query_argument("lang", None) == self.lang:
            self.set_cookie(
                LANGUAGE_COOKIE,
                self.lang,
                path=self.site.base_url,
                max_age=YEAR,
                samesite="Lax",
            )
        self.set_header("Vary", "Accept-Language, Cookie, Accept-Encoding")
        self.set_header("Cache-Control", "no-cache")

    def page(self, template, **values):
        """Return a template rendered in the page's language."""
        t = Translator(self.lang, STRINGS)
        switch = {lang: f"?lang={lang}" for lang in LANGUAGES}
        return self.site.env.get_template(template).render(
            t=t,
            lang=self.lang,
            html_lang=HTML_LANG[self.lang],
            home=self.site.base_url,
            asset=self.site.asset,
            switch=switch,
            **values,
        )

    def write_error(self, status_code, **kwargs):
        """Say what is wrong and where to go, in the page's language; nothing of the inside."""
        self.lang = getattr(self, "lang", LANGUAGES[0])
        known = status_code if status_code in (404, 503) else 500
        self.finish(self.page("error.html", status=status_code, kind=str(known)))

    def head(self, *args):
        """Answer as to GET, without the page and without a kernel."""
        self.finish()


class Home(Page):
    """The home page."""

    def get(self):
        """Show the labs, and the chapters when there are any."""
        cards = [self._card(labs.load(name)) for name in self.site.names]
        flagship = [card for card in cards if card["name"] == FLAGSHIP]
        self.finish(
            self.page(
                "home.html",
                cards=cards,
                first=(flagship or cards or [None])[0],
                chapters=chapters.listed(self.site.base_url, self.lang),
                local=self.site.local,
                preload=self.site.preload,
            )
        )

    def _card(self, lab):
        return {
            "name": lab.name,
            "url": f"{self.site.base_url}labs/{lab.name}",
            "title": lab.title(self.lang),
            "summary": lab.summary(self.lang),
            "minutes": lab.minutes,
            "thumbnail": thumbnail(lab.name),
        }


class ChapterPage(Page):
    """A chapter of the course, to read; its labs are links."""

    def get(self, name):
        """Show it."""
        body = self.body(name)
        if body is None:
            raise tornado.web.HTTPError(404)
        self.finish(self.page("chapter.html", **self.around(name), body=body, towards="url"))

    def body(self, name, live=False):
        """Return the chapter as HTML; None if there is none of this name."""
        words = Translator(self.lang, STRINGS)("try_lab")
        markup = chapters.read(name, self.lang, self.site.base_url, words, live)
        return None if markup is None else markupsafe.Markup(markup)

    def around(self, name):
        """Return what a chapter's page says beside the chapter: title, neighbours, labs."""
        t, base = Translator(self.lang, STRINGS), self.site.base_url
        listed = chapters.listed(base, self.lang)
        here = next((entry for entry in listed if str(entry["number"]) == name), None)
        if here is None:  # the lesson plans
            return {"title": t("chapters"), "here": None, "before": [], "after": [], "labs": []}
        k = listed.index(here)
        return {
            "title": here["title"],
            "here": here,
            "before": listed[max(k - 1, 0) : k],
            "after": listed[k + 1 : k + 2],
            "labs": [
                {"title": labs.load(lab).title(self.lang), "url": f"{base}labs/{lab}"}
                for lab in course.load(here["number"]).labs
            ],
        }


def is_visit(headers):
    """Return whether somebody comes to look, as far as the browser says.

    Any page elsewhere could otherwise start kernels on its reader's computer: with pictures or
    frames that lead here, or by having pages fetched that the reader never sees.
    """
    elsewhere = headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
    into_another = elsewhere and headers.get("Sec-Fetch-Dest") != "document"
    return not into_another and "Sec-Purpose" not in headers


class KernelPage(Page):
    """A page that holds a kernel."""

    _left = False

    def initialize(self, site, kernels):
        """Take what all pages share, and the kernels."""
        super().initialize(site)
        self.kernels = kernels

    def prepare(self):
        """Refuse a request after which nobody would look at the page."""
        super().prepare()
        if not is_visit(self.request.headers):
            raise tornado.web.HTTPError(403)

    def on_connection_close(self):
        """Note that nobody waits for the page any more."""
        self._left = True

    async def open(self, taking):
        """Return what ``taking`` gives; None if it is full, and says so, or nobody waits."""
        self.set_header("Cache-Control", "no-store")
        try:
            ready = await taking
        except Full:
            self.set_status(503)
            self.set_header("Retry-After", str(RETRY_AFTER))
            self.finish(self.page("full.html", retry=RETRY_AFTER))
            return None
        if self._left:
            await self.kernels.release(ready.kernel_id)
            return None
        return ready

    def config(self, ready, **more):
        """Return what Voilà's front end is told of its kernel."""
        return {**self.site.page_config, "kernelId": ready.kernel_id, **more}


class LivePage(KernelPage, ChapterPage):
    """A chapter that runs: as it was stored, until each cell's own output is there."""

    async def get(self, name):
        """Give the page a kernel; say what is missing if the chapter cannot run here."""
        body = self.body(name, live=True)
        around = self.around(name)
        if body is None or around["here"] is None:
            raise tornado.web.HTTPError(404)
        if around["here"]["still"]:
            self.finish(self.page("not_here.html", **around))
            return
        t = Translator(self.lang, STRINGS)
        book = chapters.notebook(name, self.lang)
        failed = f'<p class="failed" role="alert">{t("cell_failed")}</p>'
        taking = self.kernels.take_chapter(book, self.site.base_url, failed)
        try:
            ready = await self.open(taking)
        except OpenFailed:
            raise tornado.web.HTTPError(500) from None
        if ready:
            self.finish(
                self.page(
                    "live.html",
                    **around,
                    body=body,
                    towards="live",
                    cells=len(chapters.numbers(book.cells)),
                    config=self.config(ready, progressiveRendering="true"),
                    preload=self.site.preload,
                )
            )


class LabPage(KernelPage):
    """A lab: the frame at once, and what the kernel displayed as soon as it is there."""

    async def get(self, name):
        """Give the page a kernel."""
        if name not in self.site.names:
            raise tornado.web.HTTPError(404)
        try:
            ready = await self.open(self.kernels.take(name))
            if ready:
                self.finish(self._lab(name, ready))
        except OpenFailed:
            self.set_status(500)
            self.finish(self._lab(name, None))

    def _lab(self, name, ready):
        return self.page(
            "lab.html",
            title=labs.load(name).title(self.lang),
            config=self.config(ready) if ready else None,
            preload=self.site.preload,
            outputs=[output for output in ready.outputs if "data" in output] if ready else [],
        )


class NotFound(Page):
    """Every other address."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

    def prepare(self):
        """Say so, whatever was asked."""
        super().prepare()
        raise tornado.web.HTTPError(404)


class Health(Secure, tornado.web.RequestHandler):
    """Is the server up, and how full?  For a proxy, or for whoever watches the classroom."""

    def initialize(self, kernels):
        """Take the kernels."""
        self.kernels = kernels

    def get(self):
        """Send the counts."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "application/json")
        counts = {
            "status": "ok",
            "app": "fedlearn_edu",
            "version": __version__,
            "in_use": self.kernels.in_use,
            "warm": self.kernels.warm,
            "max_learners": self.kernels.max_learners,
        }
        self.finish(json.dumps(counts))


class WrongHost(Secure, tornado.web.RequestHandler):
    """A request under a name that this server does not go by."""

    def prepare(self):
        """Refuse it, and say how a proxy's name is allowed."""
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("This host name is not served here; --allow-host NAME allows it.\n")
