"""A fresh token for a session that goes on, before its old one expires."""

import asyncio
import logging

from relay.access.access import Access, KeysMissing
from relay.access.grants import Forbidden
from relay.access.tokens import TokenRefused
from relay.edge.key_sets import KeySet
from relay.member.session import Session
from relay.web.credentials import decide_with, end_of
from relay.wire.closing import Reason

logger = logging.getLogger("relay")


class Renewal:
    """Checks the tokens that clients send in band; one that does not count ends its session.

    Of a session one at a time, in their order. The key set may take seconds: of those that come
    meanwhile the last counts, and no others are kept.
    """

    def __init__(self, access: Access, key_set: KeySet | None) -> None:
        self._access = access
        self._key_set = key_set
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[Session] = set()  # of whom one is being checked

    def __call__(self, session: Session, token: str) -> None:
        session.fresh_token = token  # there a successor finds it
        if session in self._busy:
            return
        self._busy.add(session)
        task = asyncio.get_running_loop().create_task(self._run(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, session: Session) -> None:
        try:
            checked = ""
            while not session.is_over and (token := session.fresh_token) != checked:
                await self._renew(session, token)
                checked = token
        finally:
            session.fresh_token = ""
            self._busy.discard(session)

    async def _renew(self, session: Session, token: str) -> None:
        user, room, old = session.user, session.room.name, session.options.grant
        try:
            grant = await decide_with(
                self._key_set, lambda: self._access.connect(token, user, room)
            )
            if grant.can_subscribe is not old.can_subscribe:
                raise Forbidden("its claim can_subscribe is not that of the old one; connect again")
        except KeysMissing as error:  # the old one counts for as long as it does
            if session.is_over:
                return  # another process checks it
            logger.warning("%s in %s: a fresh token is not taken: %s", user, room, error)
        except (TokenRefused, Forbidden) as error:
            session.close(Reason.BAD_TOKEN.close(problem=error))
        else:
            session.renew(grant, end_of(grant))
