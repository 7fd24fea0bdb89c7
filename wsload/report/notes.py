"""What a reader of a result should know, and why a run is incomplete: sentences."""

from collections import Counter
from collections.abc import Iterator

from wsload.account.payload import SMALLEST
from wsload.client.closes import TOO_SLOW
from wsload.client.failures import quoted
from wsload.report.outcome import Outcome
from wsload.run.figures import counted

_STEP = 0.1  # seconds: less is the drift of a clock that nobody has set
_STALLS = 5  # sentences at most, also of disagreements
_CAUSES = 10  # of failed connections: a server may have other words for each
_STALLED = 3  # messages that are sent in the time of a stall, by the mean rate, at least


def ended(outcome: Outcome) -> list[str]:
    """What was refused, closed or interrupted."""
    sentences = list(outcome.interrupted)
    told = outcome.failed.most_common(_CAUSES)
    sentences += [f"{sentence} ({_connections(count)})" for sentence, count in told]
    if rest := outcome.failed.total() - sum(count for _, count in told):
        sentences.append(f"{_connections(rest)} failed for other reasons, see the result")
    # Whom our own slowness cut off has a sentence of its own.
    excused = outcome.slow_closes
    for close, count in () if outcome.overloaded else outcome.closed.most_common():
        if close.startswith(str(TOO_SLOW)):
            count -= excused
        if count:
            sentences.append(
                f"the server closed {_connections(count)}: {_with_reason(outcome, close)}"
            )
    if not outcome.begun and not outcome.failed:
        nothing = "" if outcome.audit.sent else "nothing was sent: "
        sentences.append(
            f"{nothing}the run ended before everybody had joined; "
            "run longer, spawn faster, or send at once with --start ramp"
        )
    return sentences


def notes(outcome: Outcome) -> list[str]:
    """None of it is a fault."""
    return [
        *_stalls(outcome),
        *_clocks(outcome),
        *_deliveries(outcome),
        *_closes(outcome),
        *_circumstances(outcome),
    ]


def _deliveries(outcome: Outcome) -> Iterator[str]:
    audit = outcome.audit
    if audit.unread:
        yield (
            f"{_messages(audit.unread)} were unread at close: on the way to or from a connection "
            "when the server closed it"
        )
    if audit.texts:
        yield f"{_messages(audit.texts)} came as text, where binary was sent"
    if audit.too_short:
        yield (
            f"{_messages(audit.too_short)} were shorter than the header of {SMALLEST} bytes that "
            "each was sent with"
        )
    if audit.foreign:
        yield f"{_messages(audit.foreign)} came from others in the same rooms"
    if outcome.blocked:
        yield f"{_messages(outcome.blocked)} were due and never sent: the server did not read"
    if outcome.slowed > 0:
        yield (
            f"the server slowed senders down {outcome.slowed:,} times: they sent more than its "
            "MESSAGE_RATE or BYTE_RATE allows"
        )
    for one in outcome.disagreements[:_STALLS]:
        where = f"for example at {one.one} and {one.other}"
        yield f"{one.messages} messages in different orders, {where}"
    if outcome.series.backwards:
        yield (
            f"{_messages(outcome.series.backwards)} came before they were sent: the hosts' clocks "
            "disagree"
        )


def _closes(outcome: Outcome) -> Iterator[str]:
    for close, count in outcome.lagged.items():
        yield f"the server cut off {_connections(count)} that lagged on purpose: {close}"
    for close, count in outcome.returned.items():
        why = _with_reason(outcome, close)
        yield f"{_connections(count)} came back after being closed with {why}"
    for close, count in outcome.closed.items() if outcome.overloaded else ():
        why = _with_reason(outcome, close)
        yield f"beyond the highest rate the server cut off {_connections(count)}: {why}"


def _circumstances(outcome: Outcome) -> Iterator[str]:
    if outcome.options.insecure:
        yield "the server's certificate was not checked (--insecure)"
    for moment in outcome.resets:
        if outcome.begun and moment > outcome.begun:
            yield (
                f"Locust's statistics were reset {moment - outcome.begun:.1f} s after the begin: "
                "its tables count from then on, this result counts the whole run"
            )


def _stalls(outcome: Outcome) -> list[str]:
    sent = {second for second, state in outcome.series.seconds.items() if state.sent}
    rate = outcome.audit.sent / outcome.duration if outcome.duration else 0.0
    stalls = [
        silence
        for silence in outcome.silences
        if silence.end > outcome.begun
        # A slow schedule has pauses: it is a stall only where some messages were on their way.
        and rate * silence.seconds >= _STALLED
        and any(second in sent for second in range(int(silence.begin), int(silence.end) + 1))
    ]
    return [
        f"nothing arrived anywhere for {silence.seconds:.1f} s at "
        f"{max(silence.begin - outcome.begun, 0):.0f} s"
        for silence in stalls[:_STALLS]
    ]


def _clocks(outcome: Outcome) -> list[str]:
    sentences = []
    if len(outcome.hosts) > 1 and not outcome.options.clocks_agree:
        sentences.append(
            f"latencies across {len(outcome.hosts)} hosts include the difference of their clocks "
            "(--clocks-agree if that is known to be small)"
        )
    if abs(outcome.clock_step) > _STEP:
        sentences.append(
            f"the wall clock was set by {outcome.clock_step:+.1f} s during the run: schedules and "
            "latencies go by the monotonic clock, and are not affected"
        )
    return sentences


def _with_reason(outcome: Outcome, close: str) -> str:
    """A close code with the text that the server gave most often."""
    texts = Counter(
        {text: count for (code, text), count in outcome.reasons.items() if code == close and text}
    )
    if not texts:
        return close
    ((text, _),) = texts.most_common(1)
    return f"{close} ({quoted(text)})"


def _connections(count: int) -> str:
    return counted(count, "connections")


def _messages(count: int) -> str:
    return counted(count, "messages")
