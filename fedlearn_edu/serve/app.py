"""The server itself: Voilà's kernels, sockets and front end behind fewer and safer addresses."""

import asyncio
import contextlib
import functools
import json
import logging
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import urllib.request
import webbrowser

import tornado.httpserver
import tornado.log
import tornado.netutil
import tornado.web
from jupyter_server.auth.authorizer import AllowAllAuthorizer
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from traitlets.config import Config
from voila.app import Voila
from voila.configuration import VoilaConfiguration
from voila.paths import collect_static_paths
from voila.utils import get_page_config, get_voila_labextensions_path

from fedlearn_edu import labs, paths

from . import kernels, pages, sockets
from .options import Refused

EXTENSIONS = (
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
    "anywidget",
)
KERNEL = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"


class Anyone(IdentityProvider):
    """Everyone may learn; nobody is asked for a name or given a cookie."""

    def get_user(self, handler):
        """Return the one user there is."""
        return User("learner")


def voila_config(options):
    """Return the configuration that closes what Voilà leaves open."""
    config = Config()
    config.VoilaConfiguration.allow_template_override = "NO"
    config.VoilaConfiguration.allow_theme_override = "NO"
    config.VoilaConfiguration.extension_allowlist = list(EXTENSIONS)
    config.VoilaConfiguration.show_tracebacks = False
    config.VoilaConfiguration.strip_sources = True
    config.LabKernels.kernel_manager_class = f"{kernels.__name__}.LabKernel"
    config.LabKernels.allowed_message_types = sockets.MESSAGES
    config.LabKernels.allow_tracebacks = False
    config.LabKernels.pool_size = options.pool
    config.LabKernels.max_learners = options.max_learners
    config.LabKernels.connect_grace = 2 * options.grace
    config.LabKernels.return_grace = options.grace
    config.LabKernels.cull_idle_timeout = 900
    config.LabKernels.cull_interval = 60
    config.LabKernels.kernel_info_timeout = kernels.START_TIMEOUT
    config.KernelRestarter.restart_limit = 0  # a dead kernel stays dead, and its page is told
    config.KernelRestarter.time_to_dead = 1.0
    config.Voila.log_level = logging.INFO if options.verbose else logging.WARNING
    return config


def listen(options):
    """Return listening sockets on exactly the port that was asked for, or raise `Refused`."""
    try:
        return tornado.netutil.bind_sockets(options.port, options.host)
    except socket.gaierror:
        raise Refused(f"--host {options.host!r} is not an address of this computer.") from None
    except (OSError, OverflowError) as error:
        raise Refused(why_not(options, error)) from None


def why_not(options, error):
    """Return the sentence that says why a port could not be opened."""
    if getattr(error, "errno", None) in (13, 10013):
        return f"Port {options.port} needs more rights than you have. Choose another with --port."
    if getattr(error, "errno", None) in (99, 10049, 49):
        return f"--host {options.host!r} is not an address of this computer."
    owner = "another program has it"
    url = f"http://127.0.0.1:{options.port}{options.base_url}"
    with contextlib.suppress(OSError, ValueError):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{url}healthz", timeout=1) as answer:
            if json.load(answer).get("app") == "fedlearn_edu":
                owner = f"this app runs there already: {url}"
    return f"Port {options.port} is in use ({owner}). Choose another with --port."


def preload_list(files):
    """Return the front end's files that a lab needs, so that a browser asks for all at once.

    Left alone it finds them out one after the other, which takes about as long again.  A
    file that the installed versions do not have is left out.
    """
    wanted = json.loads((paths.WEB / "preload.json").read_text(encoding="utf-8"))
    return tuple(address for address in wanted if files.find(address.partition("?")[0]))


def extension_folders():
    """Return the addresses and folders of the few front-end extensions that a lab needs."""
    found = []
    for root in get_voila_labextensions_path():
        for name in EXTENSIONS:
            folder = os.path.join(root, name, "static")
            if os.path.isdir(folder):
                found.append((f"extensions/{name}/static", folder))
    return found


def log_request(handler):
    """Log what went wrong on this side; a browser's mistakes are its own."""
    status = handler.get_status()
    level = logging.ERROR if status >= 500 and status != 503 else logging.INFO
    seconds = handler.request.request_time()
    line = f"{status} {handler.request.method} {handler.request.path} {1000 * seconds:.0f} ms"
    tornado.log.access_log.log(level, line)


class App(Voila):
    """Voilà with its own pages, kernels and addresses; see `Options`."""

    name = "voila"

    def __init__(self, options):
        super().__init__(config=voila_config(options))
        self.options = options
        self.base_url = self.server_url = options.base_url
        self.names = tuple(labs.NAMES)
        self._finished = None

    def run(self):
        """Serve until SIGINT or SIGTERM, then end every kernel and remove every file."""
        self._init_asyncio_patch()
        bound = listen(self.options)
        self.port = bound[0].getsockname()[1]
        self._set_up_logging()
        self.voila_configuration = VoilaConfiguration(parent=self)
        self.connection_dir = tempfile.mkdtemp(prefix="fedlearn-")
        try:
            asyncio.run(self._serve(bound))
        finally:
            shutil.rmtree(self.connection_dir, ignore_errors=True)

    async def _serve(self, bound):
        self._finished = asyncio.Event()
        self._catch_signals()
        self.app = tornado.web.Application(**self.init_settings())
        self.app.add_handlers(self.options.host_pattern(), self.init_handlers())
        self.app.add_handlers(".*$", [(r".*", pages.WrongHost)])
        server = tornado.httpserver.HTTPServer(self.app, xheaders=False, max_buffer_size=2**21)
        server.add_sockets(bound)
        self._announce()
        self.kernel_manager.refill()
        ready = asyncio.get_running_loop().run_in_executor(None, self.site.warm_up)
        await self._finished.wait()
        server.stop()
        await ready
        await self.kernel_manager.close()
        await server.close_all_connections()

    def init_settings(self):
        """Return the settings of the web application."""
        self.kernel_spec_manager = kernels.OwnPython(parent=self)
        self.kernel_manager = kernels.LabKernels(
            parent=self,
            connection_dir=self.connection_dir,
            kernel_spec_manager=self.kernel_spec_manager,
            work_dir=self.connection_dir,
            names=self.names,
        )
        return {
            "base_url": self.base_url,
            "server_url": self.base_url,
            "kernel_manager": self.kernel_manager,
            "kernel_spec_manager": self.kernel_spec_manager,
            "identity_provider": Anyone(parent=self, log=self.log),
            "authorizer": AllowAllAuthorizer(parent=self, log=self.log),
            "kernel_websocket_connection_class": ZMQChannelsWebsocketConnection,
            "cookie_secret": os.urandom(32),
            "allow_remote_access": True,  # names are checked for every address: `host_pattern`
            "compress_response": True,
            "log_function": log_request,
        }

    def init_handlers(self):
        """Return the addresses: those that the pages use, and no other."""
        self.site = site = self._site()
        base = re.escape(self.base_url)
        kernels_here = {"kernels": self.kernel_manager}
        return [
            (base, pages.Home, {"site": site}),
            (base + r"chapters/(\w+)", pages.ChapterPage, {"site": site}),
            (base + r"chapters/(\w+)/live", pages.LivePage, {"site": site, **kernels_here}),
            (base + r"labs/([^/]+)", pages.LabPage, {"site": site, **kernels_here}),
            (base + r"healthz", pages.Health, kernels_here),
            (base + r"static/(\w+)/(.+)", pages.StaticFile, {"site": site}),
            (base + r"api/kernels/" + KERNEL, sockets.KernelInfo),
            (base + r"api/kernels/" + KERNEL + "/channels", sockets.LabSocket),
            (base + r"voila/execution/" + KERNEL, sockets.ChapterSocket),
            (base + r"voila/api/shutdown/" + KERNEL, sockets.Goodbye),
            (r".*", pages.NotFound, {"site": site}),
        ]

    def _site(self):
        files = pages.Files(
            [
                ("web", paths.WEB / "static"),
                ("assets", paths.assets()),
                *(("voila", root) for root in collect_static_paths(["voila"], "lab", prune=True)),
                *extension_folders(),
            ]
        )
        static = f"{self.base_url}static/{files.stamp}/"
        config = get_page_config(
            base_url=self.base_url,
            settings={"mathjax_config": "", "mathjax_url": ""},
            log=self.log,
            voila_configuration=self.voila_configuration,
        )
        config.update(
            fullStaticUrl=static + "voila",
            fullLabextensionsUrl=static + "extensions",
            jupyterLabTheme="light",
            mathjaxConfig="none",
            fullMathjaxUrl=static + "web/no-math.js",
        )
        return pages.Site(
            base_url=self.base_url,
            files=files,
            env=pages.make_environment(),
            page_config=config,
            names=self.names,
            preload=preload_list(files),
            local=self.options.on_loopback and not self.options.allow_hosts,
        )

    def _announce(self):
        first, *others = self.options.addresses(self.port)
        also = f" and, in this network, at {' '.join(others)}" if others else ""
        print(f"fedlearn_edu is running at {first}{also} (Ctrl+C ends it)", flush=True)
        if self.options.browser and has_browser():
            threading.Thread(target=webbrowser.open, args=(first,), daemon=True).start()

    def _catch_signals(self):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, self._finished.set)
            except NotImplementedError:  # Windows
                end = functools.partial(loop.call_soon_threadsafe, self._finished.set)
                signal.signal(number, lambda *_, end=end: end())

    def _set_up_logging(self):
        level = logging.INFO if self.options.verbose else logging.WARNING
        logging.basicConfig(format="%(levelname)s %(message)s", level=level)
        self.log.propagate = False


def has_browser():
    """Return True if a graphical browser can be opened here."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
