// relay-client 0.1.0, MIT licence. Written by `make client` from client/.
var Emitter = class {
    #listeners;
    constructor(types) {
        this.#listeners = new Map(types.map((type) => [type, new Set()]));
    }
    on(type, listener, { signal, once } = {}) {
        const listeners = this.#listeners.get(type);
        if (!listeners) {
            const known = [...this.#listeners.keys()].join(", ");
            throw new TypeError(`unknown event ${JSON.stringify(type)}: known are ${known}`);
        }
        if (typeof listener !== "function") {
            throw new TypeError(`listener of ${type}: expected a function`);
        }
        const entry = (event) => {
            if (once)
                stop();
            listener(event);
        };
        const stop = () => {
            listeners.delete(entry);
            signal?.removeEventListener("abort", stop);
        };
        if (!signal?.aborted) {
            listeners.add(entry);
            signal?.addEventListener("abort", stop);
        }
        return stop;
    }
    emit(type, event) {
        for (const listener of [...this.#listeners.get(type) ?? []]) {
            try {
                listener(event);
            }
            catch (error) {
                queueMicrotask(() => {
                    throw error;
                });
            }
        }
    }
};
var QueueFull = class extends Error {
    constructor(size, queued, limit) {
        super(`message of ${size} bytes was not taken: ${queued} bytes wait, and the limit is ${limit}`);
        this.name = "QueueFull";
        this.size = size;
        this.queued = queued;
        this.limit = limit;
    }
};
var Undelivered = class extends Error {
    constructor(fate, reason) {
        const said = fate === "unknown" ? "nobody knows whether it arrived" : "not sent";
        super(`${said}: ${reason}`);
        this.name = "Undelivered";
        this.fate = fate;
    }
};
var FIRST = 500;
var LONGEST_AT_FIRST = 5e3;
var AT_FIRST = 6e4;
var LONGEST = 3e4;
var LONGEST_TIMER = 2 ** 31 - 1;
function backoff(failures, away, random = Math.random) {
    const longest = away < AT_FIRST ? LONGEST_AT_FIRST : LONGEST;
    return random() * Math.min(FIRST * 2 ** failures, longest);
}
var TIMEOUT = 5e3;
var PASSING = new Set([408, 425, 426, 429]);
async function ask(url, token) {
    const { host } = new URL(url);
    try {
        const answer = await fetch(url.replace(/^ws/, "http"), {
            headers: token ? { Authorization: `Bearer ${token}` } : {},
            cache: "no-store",
            signal: AbortSignal.timeout(TIMEOUT)
        });
        const { status } = answer;
        const said = await answer.json().catch(() => null);
        return {
            reason: status === 426 ? "connecting failed, and would succeed now" : `${said?.error ?? `${host} answers ${status} instead of a WebSocket`}`,
            after: 1e3 * Math.max(0, Number(answer.headers.get("Retry-After")) || 0),
            isFinal: status >= 400 && status < 500 && !PASSING.has(status),
            status
        };
    }
    catch {
        const { location } = globalThis;
        const other = location && location.host !== host ? `, or does not admit pages of ${location.origin}` : "";
        return { reason: lost(`${host} does not answer`) + other, after: 0, isFinal: false, status: 0 };
    }
}
function lost(reason) {
    return globalThis.navigator?.onLine === false ? "this device is offline" : reason;
}
var HANDSHAKE = 1e4;
var FAREWELL = 5e3;
var Link = class {
    #socket;
    #timer;
    #isUpgraded = false;
    #isOver = false;
    constructor(socket, url, token, told) {
        this.#socket = socket;
        const fail = async () => {
            this.#close();
            const refusal = await ask(url, token);
            if (!this.#isOver)
                told.refused(refusal);
        };
        this.#timer = setTimeout(fail, HANDSHAKE);
        socket.binaryType = "arraybuffer";
        socket.onopen = () => {
            this.#isUpgraded = true;
            told.upgraded();
        };
        socket.onmessage = ({ data }) => told.read(data);
        socket.onerror = () => this.#isUpgraded || fail();
        socket.onclose = ({ code, reason }) => {
            if (!this.#isUpgraded)
                return fail();
            this.drop();
            told.lost(code, reason || lost(code === 1006 ? "connection lost" : `closed with ${code}`));
        };
    }
    get buffered() {
        return this.#socket.bufferedAmount;
    }
    welcome() {
        clearTimeout(this.#timer);
    }
    put(data) {
        this.#socket.send(data);
    }
    drop(reason = "") {
        this.#isOver = true;
        this.#close(reason);
    }
    leave(reason, read) {
        this.#isOver = true;
        return new Promise((resolve) => {
            const finish = () => {
                this.drop(reason);
                resolve();
            };
            this.#timer = setTimeout(finish, FAREWELL);
            this.#socket.onmessage = ({ data }) => read(data) || finish();
            this.#socket.onclose = finish;
        });
    }
    #close(reason = "") {
        clearTimeout(this.#timer);
        const socket = this.#socket;
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.onerror = () => {
        };
        reason = reason.slice(0, 123);
        while (new TextEncoder().encode(reason).length > 123)
            reason = reason.slice(0, -1);
        if (socket.readyState <= 1)
            socket.close(1e3, reason);
    }
};
var KINDS = ({
    room: isText,
    user: isText,
    token: (value) => isText(value) || typeof value === "function",
    echo: (value) => typeof value === "boolean",
    history: isCount,
    lag: (value) => value === "close" || value === "skip",
    queueLimit: isCount,
    protocol: (value) => value === "relay.v1" || value === "raw",
    signal: (value) => value instanceof AbortSignal,
    WebSocket: (value) => typeof value === "function"
});
var QUEUE_LIMIT = 1024 * 1024;
function complete(given) {
    for (const [name, value] of Object.entries(given)) {
        const fits = Object.hasOwn(KINDS, name) && KINDS[name];
        if (!fits) {
            throw new TypeError(`unknown option ${name}: known are ${Object.keys(KINDS).join(", ")}`);
        }
        if (value !== void 0 && !fits(value)) {
            throw new TypeError(`option ${name}: it cannot be ${String(value)}; see docs/client.md`);
        }
    }
    const user = given.user ?? `guest-${Math.floor(Math.random() * 1e6)}`;
    if (/^\.*$/.test(user))
        throw new TypeError(`user ${JSON.stringify(user)}: expected a name`);
    const { room = "lobby", queueLimit = QUEUE_LIMIT } = given;
    return ({ ...given, room, user, queueLimit });
}
function addressOf(url) {
    const base = new URL(url, globalThis.location?.href);
    base.protocol = base.protocol.replace("http", "ws");
    if (!/^wss?:$/.test(base.protocol)) {
        throw new TypeError(`${url}: expected an address that begins with http, https, ws or wss`);
    }
    return base;
}
function urlOf(base, { room, user, echo, history, lag }, session, withHistory) {
    const query = new URLSearchParams({ room });
    if (echo)
        query.set("echo", "1");
    if (history && withHistory)
        query.set("history", `${history}`);
    if (lag === "skip")
        query.set("lag", "skip");
    for (const [name, value] of session)
        query.set(name, value);
    const path = base.pathname.replace(/\/+$/, "");
    return `${base.origin}${path}/ws/${encodeURIComponent(user)}?${query}`;
}
function isText(value) {
    return typeof value === "string";
}
function isCount(value) {
    return Number.isInteger(value) && value >= 0;
}
var PERIOD = 1e4;
var LIMIT = 5e3;
var SIGNS = ([
    ["online", "window"],
    ["offline", "window"],
    ["pageshow", "window"],
    ["visibilitychange", "document"],
    ["resume", "document"]
]);
var Pulse = class {
    #ping;
    #dead;
    #isSilent = false;
    #period;
    #limit;
    constructor(ping, dead) {
        this.#ping = ping;
        this.#dead = dead;
    }
    start() {
        this.stop();
        this.#isSilent = false;
        this.#period = setInterval(() => {
            if (this.#isSilent)
                this.ask();
            this.#isSilent = true;
        }, PERIOD);
    }
    stop() {
        clearInterval(this.#period);
        this.heard();
    }
    heard() {
        this.#isSilent = false;
        if (this.#limit === void 0)
            return;
        clearTimeout(this.#limit);
        this.#limit = void 0;
    }
    ask() {
        if (this.#limit !== void 0)
            return;
        this.#ping();
        this.#limit = setTimeout(this.#dead, LIMIT);
    }
};
function watchSigns(back) {
    const stop = new AbortController();
    for (const [type, where] of SIGNS) {
        const target = globalThis[where];
        target?.addEventListener?.(type, () => {
            if (type !== "visibilitychange" || document.visibilityState === "visible")
                back(type);
        }, { signal: stop.signal });
    }
    return () => stop.abort();
}
var COST = 64;
var Queue = class {
    size = 0;
    sent = 0;
    #waiting = [];
    get length() {
        return this.#waiting.length;
    }
    add(data, size) {
        const promise = new Promise((resolve, reject) => {
            this.#waiting.push({ data, size, resolve, reject });
        });
        promise.catch(() => {
        });
        this.size += size;
        return promise;
    }
    flush(write) {
        while (this.sent < this.#waiting.length)
            write(this.#waiting[this.sent++].data);
    }
    settle(count) {
        for (const { size, resolve } of this.#waiting.splice(0, count)) {
            this.size -= size;
            resolve();
        }
        this.sent = Math.max(0, this.sent - count);
    }
    doubt(reason) {
        for (const { size, reject } of this.#waiting.splice(0, this.sent)) {
            this.size -= size;
            reject(new Undelivered("unknown", reason));
        }
        this.sent = 0;
    }
    abandon(reason) {
        this.doubt(reason);
        for (const { reject } of this.#waiting.splice(0))
            reject(new Undelivered("unsent", reason));
        this.size = 0;
    }
};
function keep(data) {
    if (typeof data === "string")
        return { size: new TextEncoder().encode(data).length, kept: data };
    if (data instanceof Blob)
        return { size: data.size, kept: data };
    if (data instanceof ArrayBuffer)
        return { size: data.byteLength, kept: data.slice(0) };
    if (ArrayBuffer.isView(data)) {
        const kept = new Uint8Array(data.byteLength);
        kept.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        return { size: data.byteLength, kept: kept.buffer };
    }
    const kind = data === null ? "null" : typeof data;
    throw new TypeError(`cannot send ${kind === "object" ? Object(data).constructor?.name ?? kind : kind}: expected a string, an ArrayBuffer, a view of one (such as Uint8Array), or a Blob`);
}
var Raw = class {
    isRaw = true;
    members = null;
    count = null;
    #queue;
    constructor(queue) {
        this.#queue = queue;
    }
    connect() {
        return [];
    }
    write(put, data) {
        put(data);
        this.#queue.settle(1);
    }
    ping() {
    }
    renew() {
    }
    read(data) {
        return [["message", { data, from: null, at: null }]];
    }
};
var EARLY = 6e4;
var RETRY = 1e3;
var Renewal = class {
    #ask;
    #put;
    #held = "";
    #timer;
    constructor(ask2, put) {
        this.#ask = ask2;
        this.#put = put;
    }
    start(token) {
        this.stop();
        this.#held = token;
        const left = expiry(token) - Date.now();
        if (left > 0)
            this.#wait(left > 2 * EARLY ? left - EARLY : left / 2);
    }
    stop() {
        clearTimeout(this.#timer);
        this.#timer = void 0;
    }
    #wait(delay) {
        const timer = setTimeout(() => {
            if (delay > LONGEST_TIMER)
                this.#wait(delay - LONGEST_TIMER);
            else
                this.#renew(timer);
        }, Math.min(delay, LONGEST_TIMER));
        this.#timer = timer;
    }
    async #renew(turn) {
        const fresh = await this.#ask().catch(() => "");
        if (turn !== this.#timer)
            return;
        if (expiry(fresh) > expiry(this.#held)) {
            this.#put(fresh);
            this.start(fresh);
        }
        else {
            const left = expiry(this.#held) - Date.now();
            if (left > RETRY)
                this.#wait(Math.max(RETRY, left / 2));
        }
    }
};
function expiry(token) {
    try {
        const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
        return 1e3 * (Number(JSON.parse(atob(payload)).exp) || 0);
    }
    catch {
        return 0;
    }
}
var isText2 = (value) => typeof value === "string";
var isCount2 = (value) => Number.isSafeInteger(value) && value >= 0;
var orNull = (fits) => (value) => value === null || fits(value);
var members = { members: orNull(Array.isArray), count: isCount2 };
var FIELDS = {
    welcome: { cursor: isText2, received: orNull(isCount2), ...members },
    from: { user: orNull(isText2), at: isCount2 },
    cursor: { cursor: isText2 },
    ack: { received: isCount2 },
    gap: { cursor: isText2, missed: isCount2 },
    join: { user: isText2 },
    leave: { user: isText2 },
    members,
    drain: { retry_after_ms: isCount2 }
};
function parse(text) {
    let note;
    try {
        note = JSON.parse(text);
    }
    catch {
        return null;
    }
    if (typeof note !== "object" || !note || Array.isArray(note))
        return null;
    const fields = Object.hasOwn(FIELDS, note.type) ? FIELDS[note.type] : {};
    return Object.entries(fields).every(([name, fits]) => fits(note[name])) ? note : null;
}
var MARK = "\0";
var STRANGER = [["stranger", {}]];
var Session = class {
    isRaw = false;
    members = null;
    count = null;
    #id = newId();
    #attempt = 0;
    #cursor = "";
    #skip = 0;
    #acked = 0;
    #queue;
    #user = null;
    #at = null;
    #isAnnounced = false;
    #isWelcome = false;
    constructor(queue) {
        this.#queue = queue;
    }
    connect() {
        this.#isAnnounced = this.#isWelcome = false;
        const query = [
            ["session", this.#id],
            ["attempt", `${++this.#attempt}`]
        ];
        if (this.#cursor) {
            query.push(["cursor", this.#cursor], ["skip", `${this.#skip}`], ["acked", `${this.#acked}`]);
        }
        return (query);
    }
    write(put, data) {
        if (typeof data === "string" && data.startsWith(MARK))
            put(`${MARK}{"type":"data"}`);
        put(data);
    }
    ping(put) {
        put(`${MARK}{"type":"ping"}`);
    }
    renew(put, token) {
        put(MARK + JSON.stringify({ type: "token", token }));
    }
    read(data) {
        if (this.#isAnnounced || typeof data !== "string" || !data.startsWith(MARK)) {
            if (!this.#isWelcome)
                return STRANGER;
            this.#isAnnounced = false;
            this.#skip++;
            return [["message", { data, from: this.#user, at: this.#at }]];
        }
        const note = parse(data.slice(MARK.length));
        if (!note)
            return STRANGER;
        switch (note.type) {
            case "welcome":
                return this.#welcome(note);
            case "from":
                this.#user = note.user;
                this.#at = note.at;
                return [];
            case "data":
                this.#isAnnounced = true;
                return [];
            case "cursor":
                this.#move(note.cursor);
                return [];
            case "ack":
                this.#acknowledge(note.received);
                return [];
            case "gap":
                this.#move(note.cursor);
                return [["gap", { missed: note.missed }]];
            case "join":
                return this.#come(note.user);
            case "leave":
                return this.#go(note.user);
            case "members":
                return this.#replace(note);
            case "drain":
                return [["drain", { after: note.retry_after_ms }]];
            default:
                return [];
        }
    }
    #welcome(note) {
        const happened = [];
        this.#isWelcome = true;
        if (note.gap) {
            this.#skip = 0;
            happened.push(["gap", { missed: null }]);
        }
        this.#cursor = note.cursor;
        if (note.received === null) {
            this.#queue.doubt("the relay no longer knows what it received before the connection broke");
        }
        else {
            this.#acknowledge(note.received);
        }
        this.#queue.sent = 0;
        happened.push(["welcome", {}], ...this.#replace(note));
        return happened;
    }
    #move(cursor) {
        this.#cursor = cursor;
        this.#skip = 0;
    }
    #acknowledge(received) {
        const count = Math.min(received - this.#acked, this.#queue.length);
        if (count > 0)
            this.#queue.settle(count);
        this.#acked = Math.max(this.#acked, received);
    }
    #come(user) {
        if (this.members?.includes(user))
            return [];
        this.members?.push(user);
        if (this.count !== null)
            this.count++;
        return [["join", { user }]];
    }
    #go(user) {
        const place = this.members?.indexOf(user) ?? -1;
        if (this.members && place < 0)
            return [];
        this.members?.splice(place, 1);
        if (this.count !== null)
            this.count--;
        return [["leave", { user }]];
    }
    #replace({ type, members: members2, count }) {
        const { members: before, count: counted } = this;
        this.members = members2 && [...members2];
        this.count = count;
        if (type === "welcome" && counted === null)
            return [];
        if (type === "members" || !before || !members2) {
            return [["members", { members: this.members && [...this.members], count }]];
        }
        const gone = before.filter((user) => !members2.includes(user));
        const come = members2.filter((user) => !before.includes(user));
        return [
            ...gone.map((user) => (["leave", { user }])),
            ...come.map((user) => (["join", { user }]))
        ];
    }
};
function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
var STABLE = 1e4;
var DRAINED = 2e3;
var EXPIRED = 4401;
var NO_WEBSOCKET = "no WebSocket here: Node 22 has one, Node 20 with --experimental-websocket; or pass that of the package ws as option WebSocket";
var TERMINAL_CODES = new Set([1e3, 1002, 1007, 1008, 1009, 4e3, EXPIRED, 4403]);
var Life = class {
    state = "connecting";
    reason = "";
    queue = new Queue();
    session;
    #options;
    #base;
    #WebSocket;
    #events;
    #pulse = new Pulse(() => this.session.ping(this.#put), () => this.connect(lost("the connection is silent")));
    #renewal = new Renewal(() => this.#token(), (token) => this.session.renew(this.#put, token));
    #stopWatching;
    #link = null;
    #attempt = 0;
    #failures = 0;
    #opened = 0;
    #left = Date.now();
    #drain = 0;
    #timer;
    constructor(url, options, events) {
        this.#options = options;
        this.#events = events;
        this.#base = addressOf(url);
        const Implementation = options.WebSocket ?? globalThis.WebSocket;
        if (!Implementation)
            throw new TypeError(NO_WEBSOCKET);
        this.#WebSocket = Implementation;
        this.session = options.protocol === "raw" ? new Raw(this.queue) : new Session(this.queue);
        this.#stopWatching = watchSigns((sign) => this.#back(sign));
        queueMicrotask(() => this.#attempt || this.connect(`connecting to ${this.#base.host}`));
    }
    get buffered() {
        return this.#link?.buffered ?? 0;
    }
    async connect(why) {
        this.#drop();
        const attempt = ++this.#attempt;
        this.#become("connecting", why);
        let token;
        try {
            token = await this.#token();
        }
        catch (error) {
            if (attempt === this.#attempt)
                this.#wait(`no token: ${messageOf(error)}`);
            return;
        }
        if (attempt !== this.#attempt)
            return;
        const { isRaw } = this.session;
        try {
            const withHistory = !isRaw || !this.#opened;
            const url = urlOf(this.#base, this.#options, this.session.connect(), withHistory);
            const protocols = isRaw ? [] : ["relay.v1"];
            if (token)
                protocols.push(`bearer.${token}`);
            this.#link = new Link(new this.#WebSocket(url, protocols), url, token, {
                upgraded: () => isRaw && this.#welcome(token),
                read: (data) => this.#read(data, attempt, token),
                lost: (code, reason) => this.#lost(code, reason),
                refused: (refusal) => this.#refused(refusal)
            });
        }
        catch (error) {
            this.end(null, messageOf(error));
        }
    }
    async #token() {
        const { token } = this.#options;
        return typeof token === "function" ? token() : token ?? "";
    }
    #read(data, attempt, token) {
        this.#pulse.heard();
        for (const [type, event] of this.session.read(data)) {
            if (attempt !== this.#attempt)
                return;
            if (type === "welcome")
                this.#welcome(token);
            else if (type === "drain")
                this.#drained(event.after);
            else if (type === "stranger")
                this.end(null, `${this.#base.host} does not speak relay.v1`);
            else
                this.#events.emit(type, event);
        }
    }
    #welcome(token) {
        this.#link?.welcome();
        this.#opened = Date.now();
        this.#drain = 0;
        const attempt = this.#attempt;
        const { room, user } = this.#options;
        if (!this.session.isRaw) {
            this.#pulse.start();
            if (typeof this.#options.token === "function")
                this.#renewal.start(token);
        }
        this.#become("open", `in room ${room} as ${user}`);
        if (this.#attempt !== attempt)
            return;
        this.flush();
        this.#events.emit("open", {});
    }
    flush() {
        this.queue.flush((data) => this.session.write(this.#put, data));
    }
    #put = (data) => this.#link?.put(data);
    #drained(after) {
        this.#drain = Date.now() + after;
        const limit = Math.min(after + DRAINED, LONGEST_TIMER);
        this.#timer = setTimeout(() => this.connect("relay is going away"), limit);
    }
    #lost(code, reason) {
        this.#drop();
        const isRenewed = code === EXPIRED && typeof this.#options.token === "function";
        if (TERMINAL_CODES.has(code) && !isRenewed)
            return this.end(code, reason);
        if (this.state === "open" && Date.now() - this.#opened >= STABLE)
            this.#failures = 0;
        const delay = this.#drain && Math.max(0, this.#drain - Date.now());
        if (this.#drain)
            this.#schedule(reason, delay);
        else
            this.#wait(reason);
        this.#drain = 0;
    }
    #refused({ reason, after, isFinal, status }) {
        if (isFinal && !(status === 409 && this.#opened))
            this.end(null, reason);
        else
            this.#wait(reason, after);
    }
    #wait(reason, after = 0) {
        this.#schedule(reason, after + backoff(this.#failures++, Date.now() - this.#left));
    }
    #schedule(reason, delay) {
        delay = Math.min(delay, LONGEST_TIMER);
        this.#timer = setTimeout(() => this.connect("trying again"), delay);
        this.#become("waiting", reason, delay);
    }
    end(code, reason) {
        if (this.state === "closed")
            return;
        this.#attempt++;
        this.#stopWatching();
        const link = this.#link;
        const isHeard = this.state === "open" && this.queue.sent > 0;
        this.#link = null;
        this.#drop();
        if (link && isHeard) {
            const read = (data) => {
                this.session.read(data);
                return this.queue.sent > 0;
            };
            link.leave(reason, read).then(() => this.queue.abandon(reason));
        }
        else {
            link?.drop(reason);
            this.queue.abandon(reason);
        }
        this.#become("closed", reason);
        this.#events.emit("close", { code, reason });
    }
    #drop() {
        if (this.state === "open")
            this.#left = Date.now();
        clearTimeout(this.#timer);
        this.#pulse.stop();
        this.#renewal.stop();
        this.#link?.drop();
        this.#link = null;
    }
    #back(sign) {
        const isOnline = sign === "online";
        const why = isOnline ? "the network is back" : "the page is back";
        if (this.state === "waiting" && sign !== "offline")
            this.connect(why);
        else if (this.state === "open" && !this.session.isRaw)
            this.#pulse.ask();
        else if (isOnline && this.#attempt)
            this.connect(why);
    }
    #become(state, reason, retryIn = null) {
        this.state = state;
        this.reason = reason;
        this.#events.emit("state", { state, reason, retryIn });
    }
};
function messageOf(error) {
    return error instanceof Error ? error.message : `${error}`;
}
var LIMIT2 = 1e4;
async function* iterate(client) {
    const waiting = [];
    let wake = () => {
    };
    const stopMessages = client.on("message", (message) => {
        waiting.push(message);
        wake();
    });
    const stopClose = client.on("close", () => wake());
    try {
        for (;;) {
            if (waiting.length > LIMIT2) {
                throw new RangeError(`loop is ${waiting.length} messages behind, the limit is ${LIMIT2}`);
            }
            const message = waiting.shift();
            if (message)
                yield message;
            else if (client.state === "closed")
                return;
            else
                await new Promise((resolve) => wake = resolve);
        }
    }
    finally {
        stopMessages();
        stopClose();
    }
}
var TYPES = ("open message join leave members gap state close".split(" "));
var RelayClient = class {
    #options;
    #events = new Emitter(TYPES);
    #life;
    constructor(url, options = {}) {
        this.#options = complete(options);
        this.#life = new Life(url, this.#options, this.#events);
        const { signal } = options;
        const abort = () => this.close("aborted by its signal");
        signal?.addEventListener("abort", abort, { once: true });
        if (signal?.aborted)
            queueMicrotask(abort);
    }
    get user() {
        return this.#options.user;
    }
    get room() {
        return this.#options.room;
    }
    get state() {
        return this.#life.state;
    }
    get reason() {
        return this.#life.reason;
    }
    get members() {
        return this.#life.session.members && [...this.#life.session.members];
    }
    get count() {
        return this.#life.session.count;
    }
    get queued() {
        const { queue, session, buffered } = this.#life;
        return queue.size + (session.isRaw ? buffered : 0);
    }
    get queueLimit() {
        return this.#options.queueLimit;
    }
    get opened() {
        if (this.state === "open")
            return Promise.resolve();
        const done = new AbortController();
        const promise = new Promise((resolve, reject) => {
            const { signal } = done;
            if (this.state === "closed")
                reject(new Error(this.reason));
            this.on("open", () => resolve(), { signal });
            this.on("close", ({ reason }) => reject(new Error(reason)), { signal });
        });
        promise.catch(() => {
        }).finally(() => done.abort());
        return promise;
    }
    on(type, listener, options) {
        return this.#events.on(type, listener, options);
    }
    once(type, listener, options) {
        return this.#events.on(type, listener, { ...options, once: true });
    }
    send(data) {
        const { size, kept } = keep(data);
        if (this.state === "closed") {
            throw new Error(`not sent, the client is closed: ${this.reason}`);
        }
        const { queued, queueLimit } = this;
        const cost = size + COST;
        if (queued && queued + cost > queueLimit)
            throw new QueueFull(size, queued, queueLimit);
        const promise = this.#life.queue.add(kept, cost);
        if (this.state === "open")
            this.#life.flush();
        return promise;
    }
    reconnect() {
        if (this.state === "closed")
            throw new Error(`the client is closed: ${this.reason}`);
        this.#life.connect("reconnecting, as asked");
    }
    close(reason = "closed by this client") {
        const { queue } = this.#life;
        const unsent = queue.length - queue.sent;
        this.#life.end(1e3, unsent ? `${reason}; messages that were never sent: ${unsent}` : reason);
    }
    [Symbol.asyncIterator]() {
        return iterate(this);
    }
};
export { QueueFull, RelayClient, TERMINAL_CODES, Undelivered, backoff };
