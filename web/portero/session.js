// Portero's pages: the start page's forms, and who is signed in on a protected
// page.  No token is visible here: cookies are HttpOnly.  What is shown is put
// in as text, never as HTML.

const LIMIT = 8000;     // milliseconds a request may take

const TEXTS = {
    en: {
        username: "User name", password: "Password", email: "Email (optional)",
        login: "Log in", register: "Register", notes: "Notes",
        signOut: "Sign out", protected: "Protected page",
        who: name => `Signed in as ${name}`,
        limit: seconds => "Without activity you are signed out after " +
            (seconds < 120 ? `${seconds} seconds.`
                           : `${Math.floor(seconds / 60)} minutes.`),
        "signed-out": "You are signed out.",
        idle: "You were signed out because nothing happened for a while.",
        expired: "Your session has reached its end. Please log in again.",
        revoked: "Your session was ended. Please log in again.",
        reuse: "Your session was ended for safety: it was used from two " +
            "places. Please log in again.",
        missing: "Please fill in this field.",
        invalid_grant: "User name or password is wrong.",
        taken: "This user name is taken.",
        name: "A user name has 1 to 64 letters, digits and . _ - @ +",
        bad_email: "This is not an email address.",
        refused: "The password was refused.",
        too_short: "The password is too short.",
        too_long: "The password is too long.",
        common: "This password is too common.",
        same_as_name: "The password is the user name.",
        closed: "Registration is closed.",
        busy: "Too many attempts. Please wait a moment and try again.",
        silent: "No answer from the server. Please try again.",
    },
    es: {
        username: "Usuario", password: "Contraseña",
        email: "Correo electrónico (opcional)",
        login: "Iniciar sesión", register: "Crear cuenta", notes: "Notas",
        signOut: "Cerrar sesión", protected: "Página protegida",
        who: name => `Sesión de ${name}`,
        limit: seconds => "Sin actividad, la sesión se cierra a los " +
            (seconds < 120 ? `${seconds} segundos.`
                           : `${Math.floor(seconds / 60)} minutos.`),
        "signed-out": "Ha cerrado la sesión.",
        idle: "La sesión se cerró por falta de actividad.",
        expired: "La sesión ha llegado a su fin. Vuelva a iniciarla.",
        revoked: "La sesión fue cerrada. Vuelva a iniciarla.",
        reuse: "La sesión se cerró por seguridad: se usó desde dos lugares. " +
            "Vuelva a iniciarla.",
        missing: "Rellene este campo.",
        invalid_grant: "El usuario o la contraseña no son correctos.",
        taken: "Este usuario ya existe.",
        name: "Un usuario tiene de 1 a 64 letras, cifras y . _ - @ +",
        bad_email: "No es una dirección de correo electrónico.",
        refused: "La contraseña fue rechazada.",
        too_short: "La contraseña es demasiado corta.",
        too_long: "La contraseña es demasiado larga.",
        common: "Esta contraseña es demasiado común.",
        same_as_name: "La contraseña es igual que el usuario.",
        closed: "El registro está cerrado.",
        busy: "Demasiados intentos. Espere un momento y vuelva a probar.",
        silent: "El servidor no responde. Vuelva a probar.",
    },
};

const language = (navigator.languages || [])
    .map(tag => tag.slice(0, 2).toLowerCase())
    .find(tag => tag in TEXTS) || "en";
const text = TEXTS[language];


// A reply is ours only if it says so in JSON: a hotel's page with status 200 is
// no answer, and throws as a network that is away does.

async function ask(method, path, body) {
    const response = await fetch(path, {
        method,
        headers: body ? { "Content-Type": "application/json" } : {},
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(LIMIT),
    });
    const answer = response.status === 204 ? {}
        : await response.json().catch(() => ({}));
    if (response.ok && response.status !== 204 && !answer.user) {
        throw new Error("not an answer of the login service");
    }
    return { status: response.status, answer };
}


// nginx puts "return=" last and does not encode it: it runs to the end.  What
// stands in it is not ours, a "reason=" neither.

function query() {
    const [, before, back] =
        location.search.match(/^(.*?)(?:[?&]return=(.*))?$/s);
    return { reason: new URLSearchParams(before).get("reason"), back };
}


// Only what leads to this origin again is followed: one "/" that no "/" or "\"
// follows, and the parsed address has to agree.

function wayBack() {
    const raw = query().back;
    if (!raw) {
        return null;
    }
    for (const candidate of [raw, decoded(raw)]) {
        if (/^\/(?![/\\])/.test(candidate)) {
            const url = new URL(candidate, location.origin);
            return url.origin === location.origin ? url.href : null;
        }
    }
    return null;
}


function decoded(raw) {
    try {
        return decodeURIComponent(raw);
    } catch {
        return "";
    }
}


function enter() {
    location.replace(wayBack() || "/app/");
}


function translate() {
    document.documentElement.lang = language;
    for (const element of document.querySelectorAll("[data-text]")) {
        element.textContent = text[element.dataset.text];
    }
    const title = document.querySelector("title");
    if (title.dataset.text) {
        document.title += " · Portero";
    }
}


// --- start page --------------------------------------------------------------

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
            .find(input => input.value === "");
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
        } finally {
            button.removeAttribute("aria-disabled");
        }
    });
}


async function login(form) {
    const { username, password } = form.elements;
    const { status } = await ask("POST", "/auth/login", {
        username: username.value, password: password.value, delivery: "cookie",
    });

    if (status === 200) {
        enter();
    } else if (status === 401 || status === 400) {
        password.value = "";
        complain(form, text.invalid_grant, password);
    } else {
        complain(form, status === 429 ? text.busy : text.silent);
    }
}


async function register(form) {
    const { username, password, email } = form.elements;
    const body = { username: username.value, password: password.value };
    if (email.value) {
        body.email = email.value;
    }
    const { status, answer } = await ask("POST", "/auth/register", body);

    if (status === 201) {
        await login(form);
    } else if (status === 409) {
        complain(form, text.taken, username);
    } else if (status === 422) {
        complain(form, (answer.reasons || []).map(reason => text[reason])
            .join(" ") || text.refused, password);
    } else if (status === 400) {
        const named = /^[\w.@+-]{1,64}$/.test(username.value);
        complain(form, named ? text.bad_email : text.name,
            named ? email : username);
    } else if (status === 403) {
        complain(form, text.closed);
    } else {
        complain(form, status === 429 ? text.busy : text.silent);
    }
}


async function startPage() {
    const { reason, back } = query();

    if (["signed-out", "idle", "expired", "revoked", "reuse"].includes(reason))
    {
        document.getElementById("status").textContent = text[reason];
    }
    if (reason !== null) {
        history.replaceState(null, "", location.pathname +
            (back === undefined ? "" : `?return=${back}`));
    }

    attach(document.getElementById("login"), login);
    attach(document.getElementById("register"), register);

    // Perhaps only the access token ran out.  Who signed out stays out.
    if (back !== undefined && reason === null) {
        const { status } = await ask("POST", "/auth/refresh",
            { intent: "silent" }).catch(() => ({}));
        if (status === 200) {
            enter();
        }
    }
}


// --- protected page ----------------------------------------------------------

function leave(reason) {
    const back = location.pathname + location.search;
    location.replace(`/?reason=${reason}` +
        (reason === "signed-out" ? "" : `&return=${back}`));
}


async function session() {
    let reply = await ask("GET", "/auth/session");

    if (reply.status === 401) {
        const renewed = await ask("POST", "/auth/refresh",
            { intent: "silent" });
        if (renewed.status === 401 && renewed.answer.error === "invalid_grant")
        {
            const known = ["idle", "expired", "revoked", "reuse"];
            leave(known.includes(renewed.answer.reason)
                ? renewed.answer.reason : "expired");
            return null;
        }
        reply = renewed;
    }
    if (reply.status !== 200) {
        throw new Error(`status ${reply.status}`);
    }
    return reply.answer;
}


// Nothing is shown before the server has said who this is.

async function protectedPage() {
    const main = document.querySelector("main");
    let wait = 1000;
    let answer;

    while (answer === undefined) {
        try {
            answer = await session();
        } catch {
            await new Promise(done => setTimeout(done, wait));
            wait = Math.min(wait * 2, 30000);
        }
    }
    if (answer === null) {
        return;
    }

    document.getElementById("who").textContent = text.who(answer.user.name);
    document.getElementById("limit").textContent =
        text.limit(answer.session.idle_seconds);
    main.hidden = false;
}


// A page that comes back from the browser's memory may show somebody who has
// signed out since: it is covered when it goes, and asks when it returns.

function attachPage() {
    const main = document.querySelector("main");

    document.getElementById("sign-out").addEventListener("click", signOut);
    addEventListener("pagehide", () => {
        main.hidden = true;
    });
    addEventListener("pageshow", event => {
        if (event.persisted) {
            protectedPage();
        }
    });
    protectedPage();
}


async function signOut() {
    const button = document.getElementById("sign-out");

    if (button.getAttribute("aria-disabled") === "true") {
        return;
    }
    button.setAttribute("aria-disabled", "true");
    document.getElementById("status").textContent = "";
    try {
        const { status } = await ask("POST", "/auth/logout",
            { scope: "local" });
        if (status === 204) {
            document.querySelector("main").hidden = true;
            leave("signed-out");
            return;
        }
    } catch {
        // told below: signed out is only what got its 204
    }
    button.removeAttribute("aria-disabled");
    document.getElementById("status").textContent = text.silent;
}


translate();

if (document.body.dataset.portero === "start") {
    startPage();
} else if (document.body.dataset.portero === "protected") {
    attachPage();
}
