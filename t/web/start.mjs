// The start page.

import { USER, context, eventually, fillIn, finish, focused, gate, is, ok,
         requests, run, signIn, url } from "./lib.mjs";

const REASONS = {
    "signed-out": ["You are signed out.", "Ha cerrado la sesión."],
    idle: ["You were signed out because nothing happened for a while.",
           "La sesión se cerró por falta de actividad."],
    expired: ["Your session has reached its end.",
              "La sesión ha llegado a su fin."],
    revoked: ["Your session was ended.", "La sesión fue cerrada."],
    reuse: ["Your session was ended: it was used from two places.",
            "La sesión fue cerrada: se usó desde dos lugares."],
};

async function start(path = "/", options = {}) {
    const made = await context(options);
    const page = await made.newPage();
    const sent = requests(page);

    await page.goto(path);
    await page.getByRole("form").first().waitFor();
    return { made, page, sent,
             login: page.getByRole("form", { name: "Log in" }),
             register: page.getByRole("form", { name: "Register" }) };
}

async function registration(form, username, password, email = "") {
    await form.getByLabel("User name").fill(username);
    await form.getByLabel("Password").fill(password);
    await form.getByLabel("Email (optional)").fill(email);
    await form.getByRole("button").click();
}

// An alert in the form, and the field it is about.

async function refused(form, text, field) {
    const alert = form.getByRole("alert");

    await eventually(text, () => alert.textContent(), text);
    is(await form.locator("[aria-invalid=true]").evaluateAll(inputs =>
        inputs.map(input => input.name)), field ? [field] : [],
        "about one field, if any");
    if (field) {
        is(await form.locator("[aria-invalid=true]").evaluate(input =>
            [input === document.activeElement, document.getElementById(
                input.getAttribute("aria-describedby")).textContent]),
            [true, text], "which has the focus, and is described by it");
    }
    is(await form.getByRole("button").getAttribute("aria-disabled"), null,
        "and the button serves again");
}

const answer = (status, body, type = "application/json") => route =>
    route.fulfill({ status, contentType: type, body });


await run({

    async "a login"() {
        const { made, page } = await start();

        await fillIn(page);
        await page.locator("#who").waitFor();
        is(page.url(), `${url}/app/`, "it leads to the protected page");
        is(await page.locator("#who").textContent(), "Signed in as ana",
            "which says who is signed in");
        is(await page.locator("#limit").textContent(),
            "Without activity you are signed out after 30 minutes.",
            "and how long it lasts");
        await page.goBack();
        ok(!/[?]|\/$/.test(page.url()), "the start page is not behind it",
            page.url());
        await made.close();
    },

    async "the keyboard alone"() {
        const { made, page } = await start();
        const seen = [];

        for (let i = 0; i < 7; i++) {
            await page.keyboard.press("Tab");
            seen.push(await page.evaluate(() =>
                document.activeElement.id || document.activeElement.textContent));
        }
        is(seen, ["login-name", "login-password", "Log in", "register-name",
            "register-password", "register-email", "Register"],
            "every part in its order");
        await page.locator("#login-name").focus();
        await page.keyboard.type(USER.username);
        await page.keyboard.press("Tab");
        await page.keyboard.type(USER.password);
        await page.keyboard.press("Enter");
        await page.locator("#who").waitFor();
        await page.keyboard.press("Tab");
        is(await page.evaluate(() => document.activeElement.id), "notes",
            "the page behind as well");
        await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        await page.waitForURL(`${url}/`);
        ok(true, "and out again");
        await made.close();
    },

    async "a wrong password"() {
        const { made, login } = await start();
        const page = login.page();

        await fillIn(page, { username: "ana", password: "wrong" });
        await refused(login, "User name or password is wrong.", "password");
        is(await login.locator("input").evaluateAll(inputs =>
            inputs.map(input => input.value)), ["ana", ""],
            "the name stays, a wrong password does not");
        await fillIn(page);
        await page.locator("#who").waitFor();
        ok(true, "the next one may be right");
        await made.close();
    },

    async "nothing filled in"() {
        const { made, sent, login, register } = await start();

        await login.getByRole("button").click();
        await refused(login, "Please fill in this field.", "username");
        await login.getByLabel("User name").fill("ana");
        await login.getByRole("button").click();
        await refused(login, "Please fill in this field.", "password");
        await register.getByLabel("User name").fill("ana");
        await register.getByRole("button").click();
        await refused(register, "Please fill in this field.", "password");
        is(sent, [], "and nothing is sent");
        await made.close();
    },

    async "registration"() {
        const { made, page, register } = await start("/?return=%2Fapp%2F%3Fa");

        await registration(register, "Ana", "correct horse battery");
        await refused(register, "This user name is taken.", "username");
        await registration(register, "bob", "short");
        await refused(register, "The password is too short.", "password");
        await registration(register, "longer-than-12", "longer-than-12");
        await refused(register, "The password is the user name.", "password");
        await registration(register, "bob", "x".repeat(257));
        await refused(register, "The password is too long.", "password");
        await registration(register, "b b", "correct horse battery");
        await refused(register,
            "A user name has 1 to 64 letters, digits and . _ - @ +",
            "username");
        await registration(register, "bob", "correct horse battery", "b@");
        await refused(register, "This is not an email address.", "email");
        is(await register.locator("input").evaluateAll(inputs =>
            inputs.map(input => input.value)),
            ["bob", "correct horse battery", "b@"], "what was typed stays");
        await registration(register, "bob", "correct horse battery",
            "bob@example.test");
        await page.locator("#who").waitFor();
        is(await page.locator("#who").textContent(), "Signed in as bob",
            "then bob is registered, and signed in");
        is(page.url(), `${url}/app/?a`, "where he wanted to go");
        await made.close();
    },

    async "answers that are none"() {
        const { made, page, login, register } = await start();

        for (const [respond, text] of [
            [answer(429, "{}"),
             "Too many attempts. Please wait a moment and try again."],
            [answer(503, "{}"),
             "No answer from the server. Please try again."],
            [answer(200, "<h1>Welcome</h1>", "text/html"),
             "No answer from the server. Please try again."],
            [answer(200, "{}"),
             "No answer from the server. Please try again."],
            [route => route.abort(),
             "No answer from the server. Please try again."],
        ]) {
            await page.route("**/auth/**", respond);
            await fillIn(page);
            await refused(login, text);
            is(await login.getByLabel("Password").inputValue(), USER.password,
                "all stays");
            await registration(register, "new", USER.password);
            await refused(register, text);
            await page.unroute("**/auth/**");
        }
        is(page.url(), `${url}/`, "nobody is led anywhere");
        await made.close();
    },

    async "a second press"() {
        const { made, page, sent, login } = await start();
        let go;
        const held = new Promise(done => {
            go = done;
        });

        await page.route("**/auth/login", async route => {
            await held;
            await route.continue();
        });
        await fillIn(page);
        await eventually("the button is disabled while a request runs",
            () => login.getByRole("button").getAttribute("aria-disabled"),
            "true");
        is(await focused(page), "Log in", "but keeps the focus");
        // A person's click: getByRole's own waits until it is enabled.
        await login.getByRole("button").evaluate(button => button.click());
        await page.keyboard.press("Enter");
        go();
        await page.locator("#who").waitFor();
        is(sent.filter(name => name === "login"), ["login"],
            "and does nothing again");
        await made.close();
    },

    async "reasons"() {
        for (const [n, locale] of ["en-GB", "es-ES"].entries()) {
            const made = await context({ locale });
            const page = await made.newPage();
            const sent = requests(page);

            await signIn(made);
            for (const [reason, texts] of Object.entries(REASONS)) {
                await page.goto(`/?reason=${reason}&return=/app/?a=b`);
                await page.getByRole("form").first().waitFor();
                is(await page.getByRole("status").textContent(), texts[n],
                    `${reason}, ${locale}`);
                is(page.url(), `${url}/?return=/app/?a=b`,
                    "and it leaves the address bar");
            }
            for (const reason of n ? [] : ["", "other", "toString",
                                          "__proto__", "%3Cb%3E", "missing"]) {
                await page.goto(`/?reason=${reason}`);
                await page.getByRole("form").first().waitFor();
                is([await page.getByRole("status").textContent(), page.url()],
                    ["", `${url}/`], `"${reason}" says nothing`);
            }
            is(sent, [], "who was signed out stays out: nothing is asked");
            await made.close();
        }
    },

    async "return without a reason"() {
        const { made, page, sent } = await start("/?return=/app/");

        is(sent, ["refresh silent"], "one silent refresh, then the forms");
        is(await page.getByRole("status").textContent(), "", "and no word");
        await signIn(made);
        await made.clearCookies({ name: /^access/ });
        await page.goto("/app/?a=b");
        await page.locator("#who").waitFor();
        is(page.url(), `${url}/app/?a=b`,
            "who lost the access token alone does not see them");
        await page.goto("/");
        await page.getByRole("form").first().waitFor();
        ok(true, "who comes without return= does");
        await made.close();
    },

    async "where it leads"() {
        const made = await context();
        const page = await made.newPage();
        const elsewhere = [];

        page.on("request", request => {
            if (new URL(request.url()).origin !== url) {
                elsewhere.push(request.url());
            }
        });
        await signIn(made);
        for (const [back, to] of [
            ["/app/", "/app/"], ["/app/?a=b&c=d?e", "/app/?a=b&c=d?e"],
            ["/app/?return=/x", "/app/?return=/x"],
            ["%2Fapp%2F%3Fa%3Db%26c", "/app/?a=b&c"],
            ["/app/%2Fx", "/app/%2Fx"], ["/.//evil.test/", "//evil.test/"],
            ["/\t/evil.test", "/app/"], ["//evil.test/", "/app/"],
            ["///evil.test", "/app/"], ["/\\evil.test", "/app/"],
            ["\\\\evil.test", "/app/"], ["%2F%2Fevil.test", "/app/"],
            ["%2F%5Cevil.test", "/app/"], ["%2F%09%2Fevil.test", "/app/"],
            ["%09//evil.test", "/app/"], ["http://evil.test/", "/app/"],
            ["http:%2F%2Fevil.test/", "/app/"], ["javascript:alert(1)", "/app/"],
            ["data:text/html,x", "/app/"], ["app/", "/app/"], ["", "/app/"],
            ["%", "/app/"], ["%2Fapp%2F%zz", "/app/"],
            ["@evil.test", "/app/"], [`${url}/app/?x`, "/app/"],
        ]) {
            // The page leaves by itself, perhaps before it has loaded.
            await page.goto(`/?return=${back}`).catch(() => {});
            await eventually(`return=${JSON.stringify(back)}`,
                () => page.url(), url + to, 5000);
        }
        is(elsewhere, [], "no other origin is ever asked");
        await made.close();
    },

    async "in Spanish"() {
        const made = await context({ locale: "fr-FR" });

        await made.addInitScript(() => {
            Object.defineProperty(navigator, "languages",
                { value: ["fr", "es-419", "en"] });
        });
        const page = await made.newPage();
        await page.goto("/");
        await fillIn(page, { username: "ana", password: "wrong" });
        await eventually("the first of the two that is asked for",
            () => page.getByRole("alert").first().textContent(),
            "El usuario o la contraseña no son correctos.");
        await made.close();

        const other = await context({ locale: "fr-FR" });
        const french = await other.newPage();
        await french.goto("/");
        is(await french.evaluate(() => document.documentElement.lang), "en",
            "else English");
        await other.close();
    },

    async "what browsers fill in"() {
        const { made, page } = await start();

        is(await page.locator("input").evaluateAll(inputs =>
            inputs.map(input => `${input.autocomplete} ${input.type}`)),
            ["username text", "current-password password", "username text",
             "new-password password", "email email"],
            "they know each field");
        await made.close();
    },

    async "without scripts"() {
        const made = await context({ javaScriptEnabled: false });
        const page = await made.newPage();

        await page.goto("/");
        is(await page.getByText(/Logging in needs JavaScript.*hace falta/)
            .isVisible(), true, "two languages say that they are needed");
        is(await page.getByRole("form").count(), 0,
            "and there is no form that could send a password by itself");
        await made.close();
    },
});

await run({

    async "closed registration"() {
        const { made, register } = await start();

        await gate.close_registration();
        await registration(register, "carl", USER.password);
        await refused(register, "Registration is closed.");
        await made.close();
    },
});

await finish();
