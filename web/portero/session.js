// Portero's pages: the start page's forms, and the end of a session on a
// protected page.  No token is visible here: cookies are HttpOnly.

const LIMIT = 8000;     // milliseconds a request may take
const NAME = "portero"; // of the channel, and in localStorage
const REASONS = ["signed-out", "idle", "expired", "revoked", "reuse"];

const TEXTS = {
    en: {
        signOut: "Sign out",
        who: name => `Signed in as ${name}`,
        limit: time => `Without activity you are signed out after ${time}.`,
        "signed-out": "You are signed out.",
        idle: "You were signed out because nothing happened for a while.",
        expired: "Your session has reached its end.",
        revoked: "Your session was ended.",
        reuse: "Your session was ended: it was used from two places.",
        missing: "Please fill in this field.",
        wrong: "User name or password is wrong.",
        taken: "This user name is taken.",
        name: "A user name has 1 to 64 letters, digits and . _ - @ +",
        bad_email: "This is not an email address.",
        refused: "The password was refused.",
        too_short: "The password is too short.",
        too_long: "The password is too long.",
        common: "This password is too common.",
        same_as_name: "The password is the user name.",
        403: "Registration is closed.",
        429: "Too many attempts. Please wait a moment and try again.",
        silent: "No answer from the server. Please try again.",
        warning: "You are about to be signed out",
        warningText: "Without an answer you are signed out when the time is " +
            "over. What you have not saved is lost then.",
        final: "Your session is ending",
        finalText: "It has reached its longest time and cannot be extended. " +
            "Save your work now: what is not saved in time is lost.",
        waiting: "No answer from the server. Trying again.",
        left: "Time left",
        proceed: "Continue working", understood: "Understood",
    },
    es: {
        signOut: "Cerrar sesión",
        who: name => `Sesión de ${name}`,
        limit: time => `Sin actividad, la sesión se cierra a los ${time}.`,
        "signed-out": "Ha cerrado la sesión.",
        idle: "La sesión se cerró por falta de actividad.",
        expired: "La sesión ha llegado a su fin.",
        revoked: "La sesión fue cerrada.",
        reuse: "La sesión fue cerrada: se usó desde dos lugares.",
        missing: "Rellene este campo.",
        wrong: "El usuario o la contraseña no son correctos.",
        taken: "Este usuario ya existe.",
        name: "Un usuario tiene de 1 a 64 letras, cifras y . _ - @ +",
        bad_email: "No es una dirección de correo electrónico.",
        refused: "La contraseña fue rechazada.",
        too_short: "La contraseña es demasiado corta.",
        too_long: "La contraseña es demasiado larga.",
        common: "Esta contraseña es demasiado común.",
        same_as_name: "La contraseña es igual que el usuario.",
        403: "El registro está cerrado.",
        429: "Demasiados intentos. Espere un momento y vuelva a probar.",
        silent: "El servidor no responde. Vuelva a probar.",
        warning: "Su sesión está a punto de cerrarse",
        warningText: "Sin respuesta, la sesión se cierra al acabar el " +
            "tiempo. Lo que no haya guardado se pierde.",
        final: "Su sesión termina",
        finalText: "Ha llegado a su duración máxima y no se puede prolongar. " +
            "Guarde ahora su trabajo: lo que no guarde a tiempo se pierde.",
        waiting: "El servidor no responde. Se intentará de nuevo.",
        left: "Tiempo restante",
        proceed: "Seguir trabajando", understood: "Entendido",
    },
};

const language = (navigator.languages || [])
    .map(tag => tag.slice(0, 2).toLowerCase())
    .find(tag => tag in TEXTS) || "en";
const text = TEXTS[language];
const channel = window.BroadcastChannel && new BroadcastChannel(NAME);


// A hotel's page with status 200 is no answer, and throws as a network that is
// away does.

async function ask(method, path, body, more) {
    const sent = performance.now();
    const response = await fetch(path, {
        method,
        headers: { "Content-Type": "application/json" },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(LIMIT),
        ...more,
    });
    const { status } = response;
    const answer = status === 204 ? {}
        : await response.json().catch(() => null) || {};

    if (response.ok && status !== 204 && !answer.user) {
        throw new Error("not an answer of the login service");
    }
    return { status, answer, sent,
             after: Number(response.headers.get("Retry-After")) };
}


// --- other tabs --------------------------------------------------------------

// Two ways, for either may be missing; what comes by both is taken once.

function listen(hear, signal) {
    let last;

    const take = raw => {
        let message;
        try {
            message = JSON.parse(raw);
        } catch {
            return;
        }
        if (raw !== last && understood(message)) {
            last = raw;
            hear(message, Math.abs(Date.now() - message.at) < 5000);
        }
    };

    addEventListener("storage", event => {
        if (event.key === NAME) {
            take(event.newValue);
        }
    }, { signal });
    channel?.addEventListener("message", event => take(event.data),
        { signal });
}


function understood(message) {
    return message?.v === 1 && typeof message.session === "string" &&
        message.at >= 0 && message.server_time >= 0 &&
        (message.type === "signed-out" ? REASONS.includes(message.reason)
            : /^(renewed|signed-in)$/.test(message.type) && timed(message));
}


function timed(session) {
    return ["idle_expires_in", "absolute_expires_in", "idle_seconds"]
        .every(name => session?.[name] >= 0);
}


function tell(type, { server_time, session }, reason) {
    const { id, idle_expires_in, absolute_expires_in, idle_seconds } = session;
    const raw = JSON.stringify({ v: 1, type, session: id, reason, server_time,
        idle_expires_in, absolute_expires_in, idle_seconds, at: Date.now() });

    channel?.postMessage(raw);
    try {
        localStorage[NAME] = raw;
    } catch {
        // closed, or full
    }
}


// "return=" runs to the end; what stands in it, a "reason=" too, is not ours.

function query() {
    const [, before, back] =
        location.search.match(/^(.*?)(?:[?&]return=(.*))?$/s);
    return { reason: new URLSearchParams(before).get("reason"), back };
}


// Only what leads to this origin again is followed.

function wayBack() {
    let { back = "" } = query();

    try {
        back = back[0] === "/" ? back : decodeURIComponent(back);
        const { origin, href } = new URL(back, location.origin);
        if (/^\/(?![/\\])/.test(back) && origin === location.origin) {
            return href;
        }
    } catch {
        // dropped without a word
    }
    return "/app/";
}


function enter() {
    entering = true;
    location.replace(wayBack());
}


function translate() {
    document.documentElement.lang = language;
    if (language === "es") {
        for (const element of document.querySelectorAll("[data-es]")) {
            element.textContent = element.dataset.es;
        }
    }
}


// --- start page --------------------------------------------------------------

let entering = false;   // on the way to another page


function complain(form, message, field) {
    const alert = form.querySelector("[role=alert]");

    for (const input of form.querySelectorAll("input")) {
        input.removeAttribute("aria-invalid");
        input.removeAttribute("aria-describedby");
    }
    alert.textContent = message;
    if (field) {
        field.setAttribute("aria-invalid", "true");
        field.setAttribute("aria-describedby", alert.id);
        field.focus();
    }
}


function attach(form, send) {
    const button = form.querySelector("button");

    form.addEventListener("submit", async event => {
        event.preventDefault();
        if (button.getAttribute("aria-disabled") === "true") {
            return;
        }
        const empty = [...form.querySelectorAll("input:not([type=email])")]
            .find(input => !input.value);
        if (empty) {
            complain(form, text.missing, empty);
            return;
        }

        complain(form, "");
        button.setAttribute("aria-disabled", "true");
        try {
            await send(form);
        } catch {
            complain(form, text.silent);
        }
        if (!entering) {
            button.removeAttribute("aria-disabled");
        }
    });
}


async function login(form) {
    const { username, password } = form.elements;
    const { status, answer } = await ask("POST", "/auth/login", {
        username: username.value, password: password.value,
        delivery: "cookie",
    });

    if (status === 200) {
        tell("signed-in", answer);
        enter();
    } else if (status === 401 || status === 400) {
        password.value = "";
        complain(form, text.wrong, password);
    } else {
        complain(form, text[status] || text.silent);
    }
}


async function register(form) {
    const { username, password, email } = form.elements;
    const { status, answer } = await ask("POST", "/auth/register", {
        username: username.value, password: password.value,
        email: email.value || undefined,
    });
    const named = /^[\w.@+-]{1,64}$/.test(username.value);

    if (status === 201) {
        await login(form);
    } else if (status === 409) {
        complain(form, text.taken, username);
    } else if (status === 422) {
        complain(form, (answer.reasons || []).map(reason => text[reason])
            .join(" ") || text.refused, password);
    } else if (status === 400) {
        complain(form, named ? text.bad_email : text.name,
            named ? email : username);
    } else {
        complain(form, text[status] || text.silent);
    }
}


async function startPage() {
    const { reason, back } = query();
    const forms = document.querySelector(".forms");

    if (REASONS.includes(reason)) {
        document.getElementById("status").textContent = text[reason];
    }
    if (reason !== null) {
        history.replaceState(null, "", location.pathname +
            (back === undefined ? "" : `?return=${back}`));
    }

    attach(document.getElementById("login"), login);
    attach(document.getElementById("register"), register);
    listen((message, fresh) => {
        if (message.type === "signed-in") {
            (fresh ? enter : rejoin)();
        }
    });

    // Perhaps only the access token ran out.  Who signed out stays out.
    if (back !== undefined && reason === null) {
        await rejoin();
    }
    forms.hidden = entering;
}


async function rejoin() {
    const { status } = await ask("POST", "/auth/refresh", { intent: "silent" })
        .catch(() => ({}));
    if (status === 200) {
        enter();
    }
}


// --- a protected page --------------------------------------------------------

const ASK = 1, RENEW = 2, LEAVE = 3;    // what the server may have to answer

let running;

export function start(options = {}) {
    return running ||= begin(options);
}


function add(parent, tag, content = "", attributes = {}) {
    const element = document.createElement(tag);

    for (const [name, value] of Object.entries(attributes)) {
        element.setAttribute(name, value);
    }
    element.textContent = content;
    parent.append(element);
    return element;
}


const amount = (n, unit) =>
    n.toLocaleString(language, { style: "unit", unit, unitDisplay: "long" });


// show() makes the page agree with these facts.  Times are in seconds left, or
// performance.now().

function begin(options, onAnswer) {
    const to = { session: "/auth/session", refresh: "/auth/refresh",
                 logout: "/auth/logout", ...options.endpoints };
    const main = document.querySelector("main");
    const stopping = new AbortController();
    const { signal } = stopping;
    const now = () => performance.now();

    let state = "waiting";
    let known, read;        // the server's last answer, and when by Date
    let deadline = 0;
    let final;              // is it the absolute end, which nothing moves?
    let warn = 0;
    let next = -Infinity;   // when the server is asked again
    let warned;             // it was, or does not answer
    let hushed = 0;         // when "Understood" was pressed

    let want = 0;           // ASK, RENEW or LEAVE
    let sending, retry, ticking;
    let flight, refreshed;  // the refresh under way; the last one
    let fails = 0;
    let ticked = now(), due = ticked, dated = Date.now();

    let unsure = true;      // who is signed in here
    let leaving;
    let touched;            // a key or a press that was not sent yet
    let renewed = -Infinity;

    let view = "";          // of the dialog: "warning", "final", "waiting"
    let shown, covered;     // seconds seen there; hidden since
    let kept;               // the focus before, and the place on the page

    const left = () => (deadline - now()) / 1000;

    const call = async (name, value) => {
        try {
            await options[name]?.(value);
        } catch (error) {
            console.error(error);
        }
    };

    // One at a time; whom an answer under way is not enough for comes after it.

    function refresh(intent) {
        if (flight) {
            const again = () => refresh(intent);
            return intent === "silent" || flight.intent === intent
                ? flight.done : flight.done.then(again, again);
        }
        flight = { intent };
        flight.done = ask("POST", to.refresh, { intent }).then(reply => {
            const { status, answer } = reply;
            if (status === 401 && answer.error === "invalid_grant") {
                if (state !== "ended") {
                    gone(answer.reason);
                }
                return false;
            }
            learn(reply);
            refreshed = now();
            if (answer.renewed) {
                tell("renewed", answer);
                call("onRenew", answer.session);
            }
            return true;
        }).finally(() => {
            flight = null;
        });
        return flight.done;
    }

    async function deliver(kind) {
        if (kind === RENEW) {
            renewed = now();
            await refresh("continue");
        } else if (kind === LEAVE) {
            const reply = await ask("POST", to.logout, { scope: "local" });
            if (reply.status !== 204) {
                throw reply;
            }
            end("signed-out");
        } else {
            const reply = await ask("GET", to.session);
            // In its last second a refresh ends a session.
            await (reply.status === 401 ||
                reply.answer.session?.idle_expires_in === 0
                ? refresh("silent") : learn(reply));
        }
    }

    function send(kind) {
        want = Math.max(want, kind);
        return sending ||= work().finally(() => {
            sending = null;
            show();
        });
    }

    async function work() {
        clearTimeout(retry);
        while (want && state !== "ended") {
            const kind = want;
            want = 0;
            try {
                await deliver(kind);
                fails = 0;
            } catch (reply) {
                if (!want) {
                    want = kind;
                    warned ||= known && left() <= warn;
                    retry = setTimeout(send, 1000 * Math.max(
                        Math.min(2 ** fails++, 30), reply.after || 0), 0);
                    return false;
                }
                want = Math.max(want, kind);
            }
        }
        return true;
    }

    function learn(reply) {
        const { answer, sent } = reply;
        const { session } = answer;

        if (!timed(session)) {
            throw reply;
        }
        if (state === "ended") {
            return;
        }
        if (known && session.id !== known.session.id) {
            reload();
            return;
        }
        warn ||= warning(session.idle_seconds);
        unsure = false;
        known = answer;
        read = Date.now();
        deadline = sent + 1000 *
            Math.min(session.idle_expires_in, session.absolute_expires_in);
        final = session.absolute_expires_in - session.idle_expires_in <= 1;
        warned = left() <= warn;
        next = warned ? -.5 : warn;
        hushed = warned ? hushed : 0;
        onAnswer?.(answer);
        tick();
    }

    function warning(idle) {
        const meta = document.querySelector("meta[name=portero-warn-seconds]");
        const given = [options.warnBefore, meta?.content, 300].map(Number)
            .find(seconds => seconds > 0);
        const seconds = Math.min(given, idle / 2);

        if (seconds < 20) {
            console.warn(`portero: ${seconds} s of warning, 20 would be right`);
        }
        return seconds;
    }

    function gone(reason) {
        ask("POST", to.logout, { scope: "local" }, { keepalive: true })
            .catch(() => {});
        end(leaving ? "signed-out"
            : REASONS.includes(reason) ? reason : "expired");
    }

    async function end(reason) {
        finish();
        if (known) {
            tell("signed-out", { ...known, server_time: known.server_time +
                Math.max(0, Date.now() - read) / 1000 }, reason);
        }
        await Promise.race([
            call("onExpire", reason),
            new Promise(go => setTimeout(go, 2000))]);
        location.replace(`${options.startPage || "/"}?reason=${reason}` +
            (reason === "signed-out" ? ""
                : `&return=${location.pathname}${location.search}`));
    }

    function finish() {
        state = "ended";
        show();
    }

    // Somebody else is signed in by now.

    function reload() {
        finish();
        location.reload();
    }

    function tick() {
        const jump = Date.now() - dated - (now() - ticked);
        const late = now() - due > 5000 && !document.hidden;

        clearTimeout(ticking);
        ticked = now();
        dated = Date.now();
        if (state === "ended") {
            return;
        }

        // Asleep, perhaps, when some clocks stand still: the worse is believed.
        if (Math.abs(jump) > 2000 || late) {
            deadline -= Math.max(jump, 0);
            next = Infinity;
        }
        if (left() <= next) {
            next = -Infinity;
            send(touched ? RENEW : ASK);
            touched = false;
        }
        touch();
        warned ||= known && left() <= warn - 1;
        show();
        due = now() + Math.max(500, left() * 1000 % 1000 + 5);
        ticking = setTimeout(tick, due - now());
    }

    function touch(event) {
        touched ||= event?.isTrusted && state === "active";
        if (touched && now() - renewed >
            1000 * Math.min(60, known.session.idle_seconds / 10)) {
            touched = false;
            send(RENEW);
        }
    }

    function wake() {
        if (state === "ended") {
            location.reload();
        } else {
            tick();
            send(ASK);
        }
    }

    const dialog = add(document.body, "dialog", "", { class: NAME,
        role: "alertdialog", lang: language, closedby: "none",
        "aria-labelledby": "portero-title",
        "aria-describedby": "portero-text" });
    const title = add(dialog, "h2", "", { id: "portero-title", tabindex: -1 });
    const words = add(dialog, "p", "", { id: "portero-text" });
    const time = add(dialog, "p");
    add(time, "span", text.left, { id: "portero-left" });
    const timer = add(time, "strong", "",
        { role: "timer", "aria-labelledby": "portero-left" });
    const status = add(dialog, "p", "", { role: "status" });
    const buttons = add(dialog, "div");
    const proceed = add(buttons, "button");
    const quit = add(buttons, "button", text.signOut);

    function show() {
        if (signal.aborted) {
            return;
        }
        const seconds = Math.max(0, Math.ceil(left()));
        const over = state === "ended";
        const hide = over || unsure || leaving || !seconds;
        let wanted = "";

        covered = hide ? covered || now() : 0;
        hushed = seconds > 60 || hushed <= 60 ? hushed : 0;
        if (!over) {
            state = hide ? "waiting"
                : warned && left() <= warn ? "warning" : "active";
            wanted = state === "warning" && !hushed
                ? final ? "final" : "warning"
                : !hide ? ""
                : fails || now() - covered > 1000 ? "waiting"
                : unsure || leaving ? "" : view;
        }

        if (hide || wanted) {
            kept ||= [document.activeElement, scrollX, scrollY];
        }
        main.hidden = hide;
        if (wanted !== view) {
            turn(wanted, seconds);
        }
        if (!hide && !wanted && kept) {
            kept[0]?.focus({ preventScroll: true });
            scrollTo(kept[1], kept[2]);
            kept = null;
        }
        count(seconds);
    }

    function turn(to, seconds) {
        const first = !view;

        view = to;
        if (!view) {
            dialog.close();
            return;
        }
        title.textContent = text[view];
        words.textContent = text[view + "Text"] || "";
        time.hidden = buttons.hidden = view === "waiting";
        proceed.textContent = final ? text.understood : text.proceed;
        status.textContent = "";
        if (!dialog.open) {
            dialog.showModal();
        }
        title.focus();
        focus();
        shown = Infinity;
        if (first && view !== "waiting") {
            call("onWarn", seconds);
        }
    }

    function count(seconds) {
        const counting = view && view !== "waiting";
        const clock = `${Math.floor(seconds / 60)}:` +
            String(seconds % 60).padStart(2, "0");

        document.title = (counting ? `(${clock}) ` : "") +
            document.title.replace(/^\(\d+:\d\d\) /, "");
        if (!counting) {
            return;
        }
        timer.textContent = clock;
        status.className = fails ? "" : "portero-spoken";
        if (fails) {
            say(text.waiting);
        } else if (shown === Infinity || [20, 30, Math.ceil(seconds / 60) * 60]
            .some(mark => seconds <= mark && mark < shown)) {
            say([[seconds / 60, "minute"], [seconds % 60, "second"]]
                .filter(([n]) => n >= 1)
                .map(([n, unit]) => amount(Math.floor(n), unit)).join(" "));
        } else if (status.textContent === text.waiting) {
            say("");
        }
        shown = seconds;
    }

    function say(message) {
        if (status.textContent !== message) {
            status.textContent = message;
        }
    }


    const renew = () => send(RENEW);

    function signOut() {
        leaving = true;
        show();
        return send(LEAVE);
    }

    function answered() {
        if (view === "final") {
            hushed = Math.ceil(left());
            show();
        } else if (view === "warning") {
            renew();
        }
    }

    function focus() {
        (view === "waiting" ? title
            : document.activeElement === proceed ? quit : proceed).focus();
    }

    function pressed(event) {
        if (!view) {
            touch(event);
        } else if (event.key === "Escape" || event.key === "Tab") {
            event.preventDefault();
            (event.key === "Tab" ? focus : answered)();
        }
    }

    const on = (target, type, listener) =>
        target.addEventListener(type, listener, { signal, capture: true });

    on(proceed, "click", answered);
    on(quit, "click", signOut);
    on(dialog, "cancel", event => event.preventDefault());
    on(dialog, "close", () => {
        if (view && !dialog.open) {
            dialog.showModal();
            focus();
        }
    });
    on(window, "keydown", pressed);
    on(window, "pointerdown", touch);
    on(window, "online", wake);
    on(document, "resume", wake);
    on(document, "visibilitychange", () => document.hidden || wake());
    on(window, "pagehide", () => {
        unsure = true;
        show();
    });
    on(window, "pageshow", event => event.persisted && wake());

    listen((message, fresh) => {
        if (state === "ended" || known?.server_time > message.server_time) {
            return;
        }
        if (known && message.session !== known.session.id) {
            reload();
        } else if (!known || !fresh) {
            send(ASK);
        } else if (message.type === "signed-out") {
            end(message.reason);
        } else {
            const { server_time } = message;
            learn({ sent: now(), answer: { ...known, server_time,
                session: { ...message, id: message.session } } });
            call("onRenew", known.session);
        }
    }, signal);

    show();
    tick();
    send(ASK);

    return {
        get state() { return state; },
        left: () => Math.max(0, Math.ceil(left())),
        renew,
        signOut,

        async fetch(input, init) {
            const request = new Request(input, init);
            const sent = now();
            const response = await fetch(request.clone());

            return response.status === 401 &&
                new URL(request.url).origin === location.origin &&
                (refreshed > sent || await refresh("silent").catch(() => false))
                ? fetch(request) : response;
        },

        stop() {
            stopping.abort();
            clearTimeout(retry);
            state = "ended";
            dialog.remove();
            running = null;
        },
    };
}


function protectedPage() {
    running = begin({}, ({ user, session }) => {
        document.getElementById("who").textContent = text.who(user.name);
        document.getElementById("limit").textContent =
            text.limit(session.idle_seconds < 120
                ? amount(session.idle_seconds, "second")
                : amount(Math.floor(session.idle_seconds / 60), "minute"));
    });
    document.getElementById("sign-out")
        .addEventListener("click", running.signOut);
}


const page = document.body.dataset.portero;

if (page) {
    translate();
    (page === "start" ? startPage : protectedPage)();
}
