"""The URL of the server: its secrets travel to where they are used, and are shown nowhere."""

from locust.env import Environment

from wsload.client.address import shown


class Hosts:
    """Of one process. Locust shows `environment.host` on its page and in its report."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._full: dict[str, str] = {}  # by what is shown of it
        self.hide()

    def hide(self) -> None:
        """Show of the URL only what may be shown, and remember the rest."""
        host = self._environment.host or ""
        if (visible := shown(host)) != host:
            self._full[visible] = host
            self._environment.host = visible
            options = self._environment.parsed_options
            if options is not None:
                options.host = visible

    def url(self) -> str:
        """The whole URL that a run is to use."""
        self.hide()
        host = self._environment.host or ""
        options = self._environment.parsed_options
        if host not in self._full and (told := getattr(options, "load_url", "")):
            return str(told)  # the master's, which shows no more of it either
        return self._full.get(host, host)
