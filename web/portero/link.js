// Where links that serve once lead: #reset=SECRET sets a password, and
// #invite=SECRET registers.  What stands behind "#" is sent to nobody by the
// browser; it leaves the address bar at once, and is sent with the form.

const LIMIT = 8000;     // milliseconds a request may take

const TEXTS = {
    en: {
        reset: "Set a new password", newPassword: "New password",
        set: "Set password", register: "Register", username: "User name",
        password: "Password", email: "Email (optional)",
        onward: "Go to the log-in page",
        done: name => `The password of ${name} is set. ` +
            "You are signed out everywhere; log in with the new one.",
        registered: name => `${name} is registered. You can log in.`,
        bad_link: "This link has been used, or is too old. Please ask for " +
            "another one.",
        missing: "Please fill in this field.",
        taken: "This user name is taken.",
        name: "A user name has 1 to 64 letters, digits and . _ - @ +",
        bad_email: "This is not an email address.",
        refused: "The password was refused.",
        too_short: "The password is too short.",
        too_long: "The password is too long.",
        common: "This password is too common.",
        same_as_name: "The password is the user name.",
        busy: "Too many attempts. Please wait a moment and try again.",
        silent: "No answer from the server. Please try again.",
    },
    es: {
        reset: "Elegir una contraseña nueva", newPassword: "Contraseña nueva",
        set: "Guardar contraseña", register: "Crear cuenta",
        username: "Usuario", password: "Contraseña",
        email: "Correo electrónico (opcional)",
        onward: "Ir a la página de inicio de sesión",
        done: name => `La contraseña de ${name} está guardada. ` +
            "Se cerraron todas las sesiones; iníciela con la nueva.",
        registered: name => `La cuenta ${name} está creada. ` +
            "Ya puede iniciar sesión.",
        bad_link: "Este enlace ya se usó o ha caducado. Pida otro.",
        missing: "Rellene este campo.",
        taken: "Este usuario ya existe.",
        name: "Un usuario tiene de 1 a 64 letras, cifras y . _ - @ +",
        bad_email: "No es una dirección de correo electrónico.",
        refused: "La contraseña fue rechazada.",
        too_short: "La contraseña es demasiado corta.",
        too_long: "La contraseña es demasiado larga.",
        common: "Esta contraseña es demasiado común.",
        same_as_name: "La contraseña es igual que el usuario.",
        busy: "Demasiados intentos. Espere un momento y vuelva a probar.",
        silent: "El servidor no responde. Vuelva a probar.",
    },
};

const language = (navigator.languages || [])
    .map(tag => tag.slice(0, 2).toLowerCase())
    .find(tag => tag in TEXTS) || "en";
const text = TEXTS[language];

let secret;     // of the link; forgotten with the page


async function ask(path, body) {
    const response = await fetch(path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(LIMIT),
    });
    const answer = await response.json().catch(() => ({}));

    if (response.ok && !answer.user) {
        throw new Error("not an answer of the login service");
    }
    return { status: response.status, answer };
}


function say(message) {
    document.getElementById("status").textContent = message;
}


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


// The end of it, good or bad: the form goes, and its password with it.

function finish(form, message) {
    const onward = document.getElementById("onward");

    secret = null;
    form.reset();
    form.hidden = true;
    onward.hidden = false;
    say(message);
    onward.querySelector("a").focus();
}


function refuse(form, status, answer) {
    const { username, password, email } = form.elements;

    if (status === 403) {
        finish(form, text.bad_link);
    } else if (status === 409) {
        complain(form, text.taken, username);
    } else if (status === 422) {
        complain(form, (answer.reasons || []).map(reason => text[reason])
            .join(" ") || text.refused, password);
    } else if (status === 400 && username) {
        const named = /^[\w.@+-]{1,64}$/.test(username.value);
        complain(form, named ? text.bad_email : text.name,
            named ? email : username);
    } else {
        complain(form, status === 429 ? text.busy : text.silent);
    }
}


async function reset(form) {
    const { status, answer } = await ask("/auth/reset", {
        token: secret, new_password: form.elements.password.value,
    });

    if (status === 200) {
        finish(form, text.done(answer.user.name));
    } else {
        refuse(form, status, answer);
    }
}


async function register(form) {
    const { username, password, email } = form.elements;
    const body = { username: username.value, password: password.value,
                   invite: secret };
    if (email.value) {
        body.email = email.value;
    }
    const { status, answer } = await ask("/auth/register", body);

    if (status === 201) {
        finish(form, text.registered(answer.user.name));
    } else {
        refuse(form, status, answer);
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
    form.hidden = false;
    form.querySelector("input").focus();
}


function open() {
    const [, kind, value] =
        location.hash.match(/^#(reset|invite)=([\w-]{43})$/) || [];

    if (location.hash) {
        history.replaceState(null, "", location.pathname);
    }
    if (!kind) {
        if (!secret) {
            say(text.bad_link);
            document.getElementById("onward").hidden = false;
        }
        return;
    }
    secret = value;
    attach(document.getElementById(kind), kind === "reset" ? reset : register);
}


document.documentElement.lang = language;
for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = text[element.dataset.text];
}

// A second link opened in this tab changes no more than what follows "#".
addEventListener("hashchange", () => {
    if (location.hash) {
        location.reload();
    }
});
open();
