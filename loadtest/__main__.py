"""`python -m loadtest`: everybody talks, without knowing Locust.

Ten clients in a room send 20 messages of 1 KB a second each, gentle enough for any machine;
`--classic` is the benchmark: fifty clients, a message every 10 ms. It is the scenario `broadcast`,
run through Locust as a library; `locust -f loadtest` offers all the others.
"""

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from math import inf

from locust import events  # isort: skip - first: it patches sockets and TLS before anybody imports them

import gevent
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.log import setup_logging

from wsload.client.clock import now
from wsload.control.alone import Alone
from wsload.control.plugin import control_of
from wsload.report.verdict import Word
from wsload.run.series import Series

from .broadcast import Broadcast

_FASTEST = 500.0  # connections a second
_GENTLE = (10, 50.0)  # clients, milliseconds between a sender's messages
_CLASSIC = (50, 10.0)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 only if everything that was required was met."""
    parser = ArgumentParser(
        prog="python -m loadtest",
        description="Everybody talks, everybody hears everybody else; every delivery is counted.",
        epilog="Takes the options of docs/loadtest.md as well, such as --rooms 4 or "
        "--require p99=250. All scenarios: locust -f loadtest --host ws://localhost:8080",
    )
    add = parser.add_argument
    host = "ws://localhost:8080"
    add("--host", default=host, help="the relay; several with commas (default: %(default)s)")
    add("--clients", type=int, default=0, help="default: 10")
    add("--duration", type=float, default=10.0, help="seconds of sending (default: %(default)s)")
    add("--payload", default="1024", help="bytes per message (default: %(default)s)")
    add("--interval", default="", help="milliseconds between a sender's messages (default: 50)")
    add("--classic", action="store_true", help="the benchmark: 50 clients, a message every 10 ms")
    add("--log-level", default="WARNING", help=SUPPRESS)
    ours, others = parser.parse_known_args(arguments)
    clients, interval = _CLASSIC if ours.classic else _GENTLE
    clients = ours.clients or clients
    if clients < 1 or not 0 < ours.duration < inf:
        parser.error("--clients and --duration: expected more than 0")
    locust_parser = get_parser(default_config_files=[])
    locust_parser.prog = parser.prog
    namespace = locust_parser.parse_args(
        ["--headless", "--host", ours.host, "--payload", ours.payload,
         "--interval", ours.interval or str(interval), *others]
    )  # fmt: skip
    setup_logging(ours.log_level)
    return _run(namespace, ours.host, clients, ours.duration)


def _run(namespace: Namespace, host: str, clients: int, duration: float) -> int:
    environment = Environment(
        user_classes=[Broadcast], events=events, host=host, parsed_options=namespace
    )
    runner = environment.create_local_runner()
    events.init.fire(environment=environment, runner=runner, web_ui=None)
    control = control_of(environment)
    assert isinstance(control, Alone)
    judge = control.judge
    end_task: gevent.Greenlet | None = None

    def on_second(series: Series, second: int) -> None:
        nonlocal end_task
        begun = judge.outcome.begun
        if begun and end_task is None:
            end_task = gevent.spawn_later(begun + duration - now(), judge.end)
        if series.seconds[second].connections:
            sys.stderr.write(_progress(series, second, begun) + "\n")
            sys.stderr.flush()

    judge.on_second = on_second
    try:
        runner.start(clients, min(clients, _FASTEST))
    except gevent.GreenletExit:  # refused, and said why
        return environment.process_exit_code or Word.NOTHING_MEASURED.exit_code
    try:
        runner.greenlet.join()
    except KeyboardInterrupt:
        events.quitting.fire(environment=environment, reverse=True)
        runner.quit()
    return environment.process_exit_code or 0


def _progress(series: Series, second: int, begun: float) -> str:
    """One line per second, while it runs."""
    state = series.seconds[second]
    line = f"{sum(state.connections.values()):>14,} connections"
    if not begun:
        return f"{line}, more are joining"
    line = f"{second + 1 - begun:6.1f} s{line}  {state.received:>11,} msg/s"
    if state.received:
        p50, p99 = state.latency.percentile(0.5), state.latency.percentile(0.99)
        line += f"   p50 {p50:,.1f} ms   p99 {p99:,.1f} ms"
    return line


if __name__ == "__main__":
    sys.exit(main())
