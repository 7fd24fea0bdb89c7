"""What importing a scenario tells Locust: our options, and who controls a run in this process."""

import inspect
import signal
from typing import Any
from weakref import WeakKeyDictionary

import gevent
import locust
import locust.stats
from locust.env import Environment
from locust.exception import StopTest
from locust.runners import MasterRunner, WorkerRunner

from wsload.control.alone import Alone
from wsload.control.control import Control
from wsload.control.master import Master
from wsload.control.web_page import show_verdict
from wsload.control.worker import Worker
from wsload.run.arguments import add_arguments
from wsload.run.run import Run

_controls: WeakKeyDictionary[Environment, Control] = WeakKeyDictionary()


def control_of(environment: Environment) -> Control:
    """Who controls the runs of `environment`."""
    return _controls[environment]


def run_of(environment: Environment) -> Run:
    """The run that users of `environment` take part in."""
    run = _controls[environment].run
    if run is None:
        raise StopTest("the run was refused")
    return run


def _on_init_command_line_parser(parser: Any, **_: Any) -> None:
    add_arguments(parser)


def _on_init(environment: Environment, **_: Any) -> None:
    kind: type[Control] = Alone
    if isinstance(environment.runner, MasterRunner):
        kind = Master
    elif isinstance(environment.runner, WorkerRunner):
        kind = Worker
    _controls[environment] = control = kind(environment)
    if environment.web_ui is not None and isinstance(control, Alone | Master):
        show_verdict(environment, control.judge)
    # Ctrl-C between two callbacks of the loop, never inside one: what a reader has taken in and not
    # yet parsed would count as lost.
    gevent.signal_handler(signal.SIGINT, _interrupt)
    locust.stats.STATS_TYPE_WIDTH = len("WS connect ")
    # Locust looks at the call stack when it stops a run, before it tells anybody. The first such
    # look reads sources for 40 ms, in which nothing would be sent or received: so it is done now.
    inspect.stack()
    # Locust starts --run-time by the loop's clock, which stood still while modules were imported.
    gevent.get_hub().loop.update_now()


def _interrupt() -> None:
    """As Python does it, in the main greenlet, where Locust waits for it."""
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())


locust.events.init_command_line_parser.add_listener(_on_init_command_line_parser)
locust.events.init.add_listener(_on_init)
