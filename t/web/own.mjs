// A page of one's own.

import { browser, eventually, finish, gate, is, move, ok, open, run, shown,
         signIn, url, wake, watch } from "./lib.mjs";

const dialogOf = page => page.getByRole("alertdialog");
const hidden = page => page.evaluate(() =>
    document.querySelector("main").hidden);

// start(), on a page that has nothing but a main; what it calls is in "told".

async function started(options = "{}") {
    const opened = await open({}, "/own/index.html");

    await opened.page.goto("/own/bare.html");
    opened.sent.length = 0;
    await opened.page.evaluate(`(async () => {
        const { start } = await import("/portero/session.js");
        window.told = [];
        window.start = start;
        window.session = start(${options});
    })()`);
    return opened;
}


await run({

    async "as documented"() {
        const { made, page, session } = await open({}, "/own/");

        is(await page.title(), "My page", "the page is there");
        await page.getByLabel("Draft").pressSequentially("half a sen");
        await move(session, 110, "idle_at");
        await wake(page);
        await dialogOf(page).waitFor();
        is(await page.evaluate(() => document.activeElement.textContent),
            "Continue working", "with its dialog, 120 s before the end");
        await page.keyboard.press("Escape");
        await eventually("which renews", () => dialogOf(page).isVisible(),
            false);
        await gate.sql(`UPDATE portero.sessions SET idle_at = now()
            WHERE sid = '${session}'`);
        await wake(page);
        await page.waitForURL(`${url}/?return=/own/`);
        is(await page.evaluate(() => localStorage.draft), "half a sen",
            "and the draft is saved at the end");
        await made.close();
    },

    async "one object"() {
        const { made, page, sent } = await started();

        await eventually("active after the first answer",
            () => page.evaluate(() => session.state), "active");
        is(await page.evaluate(() => start() === session), true,
            "a second start() returns it");
        is(sent, ["session"], "and asks nothing");
        ok(await page.evaluate(() => session.left()) > 590, "left()");
        is(await page.evaluate(() => session.renew()), true, "renew()");
        is(sent, ["session", "refresh continue"], "asks the server");
        await page.evaluate(() => session.stop());
        is(await page.locator("dialog").count(), 0, "stop() takes it away");
        await page.keyboard.press("Shift");
        is(sent.length, 2, "and it sends no more");
        await made.close();
    },

    async "what is told"() {
        const { made, page, session } = await started(`{
            warnBefore: 1000, startPage: "/own/bare.html",
            onWarn: left => told.push("warn", left),
            onRenew: ({ id }) => told.push("renew", id),
            onExpire: reason => new Promise(done => setTimeout(() => {
                localStorage.saved = reason;
                done();
            }, 300)),
        }`);

        await eventually("the first answer", () => hidden(page), false);
        await move(session, 290, "idle_at");
        await wake(page);
        await dialogOf(page).waitFor();
        const told = await page.evaluate(() => window.told);
        ok(told[0] === "warn" && told[1] > 280 && told[1] <= 300,
            "onWarn, at half of the idle time", told);
        await page.keyboard.press("Enter");
        await eventually("onRenew", () => page.evaluate(() =>
            told.slice(2).join()), `renew,${session}`);
        await page.evaluate(() => {
            session.signOut();
        });
        await page.waitForURL(`${url}/own/bare.html?reason=signed-out`);
        is(await page.evaluate(() => localStorage.saved), "signed-out",
            "onExpire was awaited");
        await made.close();
    },

    async "what is told, and fails or never ends"() {
        for (const wrong of ["() => { throw new Error('x'); }",
                             "async () => { throw new Error('x'); }",
                             "() => new Promise(() => {})"]) {
            const { made, page, session } = await started(
                `{ onWarn: ${wrong}, onRenew: ${wrong}, onExpire: ${wrong} }`);

            await eventually(wrong, () => hidden(page), false);
            await move(session, 290, "idle_at");
            await wake(page);
            await dialogOf(page).waitFor();
            const before = await page.evaluate(() => session.left());
            await eventually("the clock goes on", async () =>
                await page.evaluate(() => session.left()) < before);
            await page.keyboard.press("Enter");
            await eventually("the dialog closes",
                () => dialogOf(page).isVisible(), false);
            await page.evaluate(() => {
                session.signOut();
            });
            await page.waitForURL(`${url}/`);
            ok(true, "and the page is left");
            await made.close();
        }
    },

    async "the last minute"() {
        const { made, page, session } = await started();
        const dialog = page.getByRole("alertdialog",
            { name: "Your session is ending" });

        await eventually("active", () => hidden(page), false);
        await move(session, 64, "idle_at", "absolute_at");
        await watch(page);
        await wake(page);
        await dialog.waitFor();
        await page.keyboard.press("Escape");
        await eventually("understood", () => dialog.isVisible(), false);
        is(await page.evaluate(() => session.state), "warning",
            "it is still the warning");
        await dialog.waitFor();
        is((await shown(page)).find(text => text <= "1:00"), "1:00",
            "the dialog opens once more at 60 s");
        await page.keyboard.press("Escape");
        await eventually("understood again", () => dialog.isVisible(), false);
        await wake(page);
        await eventually("and not a third time", async () =>
            await page.evaluate(() => session.left()) < 58 &&
            !await dialog.isVisible());
        await made.close();
    },

    async "what is announced"() {
        const { made, page, session } = await started();
        const status = dialogOf(page).getByRole("status");

        await eventually("active", () => hidden(page), false);
        await move(session, 122.5, "idle_at");
        await wake(page);
        await eventually("at its opening", () => status.textContent(),
            /^2 minutes [12] seconds?$/);
        await eventually("each full minute", () => status.textContent(),
            "2 minutes");
        await move(session, 31.9, "idle_at");
        await wake(page);
        await eventually("at 30 s", () => status.textContent(), "30 seconds");
        await move(session, 21.9, "idle_at");
        await wake(page);
        await eventually("at 20 s", () => status.textContent(), "20 seconds");
        is(await page.getByRole("timer").getAttribute("aria-live"), null,
            "the timer itself is not live");
        await made.close();
    },

    async "stopped while it asks"() {
        const { made, page } = await started();

        await eventually("active", () => hidden(page), false);
        await page.evaluate(() => {
            session.renew();
            session.stop();
        });
        await page.waitForLoadState("networkidle");
        is(await hidden(page), false, "the page stays as it was");
        await made.close();
    },

    async "a short warning"() {
        const { made, page } = await open({}, "/own/index.html");
        const warnings = [];

        await page.goto("/own/bare.html");
        page.on("console", message => warnings.push(message.text()));
        await page.evaluate(`import("/portero/session.js").then(
            ({ start }) => start({ warnBefore: 19 }))`);
        await eventually("is complained of", () => warnings.join(),
            "portero: 19 s of warning, 20 would be right");
        await made.close();
    },

    async "other endpoints"() {
        const { made, page } = await open({}, "/own/index.html");
        const asked = [];

        await page.route("**/other/**", route => {
            asked.push(new URL(route.request().url()).pathname);
            return route.continue({ url: `${url}/auth/session` });
        });
        await page.goto("/own/bare.html");
        await page.evaluate(`import("/portero/session.js").then(
            ({ start }) => start({ endpoints: { session: "/other/a" } }))`);
        await eventually("are asked", () => hidden(page), false);
        is(asked, ["/other/a"], "once");
        await made.close();
    },

    async "fetch"() {
        const { made, page, sent } = await started();
        const get = (...paths) => page.evaluate(list => Promise.all(
            list.map(async path => {
                const response = await session.fetch(path);
                return response.status === 200
                    ? (await response.json()).user : response.status;
            })), paths);
        const sub = await gate.value(
            "SELECT sub FROM portero.users WHERE username = 'ana'");

        await eventually("active", () => hidden(page), false);
        is(await get("/api/whoami"), [sub], "as the browser's own");
        await made.clearCookies({ name: /^access/ });
        sent.length = 0;
        is(await get("/api/whoami", "/api/whoami", "/api/whoami"),
            [sub, sub, sub], "without an access token, too");
        is(sent, ["refresh silent"], "of which it gets one, for all");
        is(await get("/nothing"), [404], "another status is passed on");

        await made.clearCookies({ name: /^access/ });
        is(await page.evaluate(async () => {
            const response = await session.fetch("/auth/password", {
                method: "POST", headers: { "Content-Type": "application/json" },
                body: JSON.stringify({ current_password: "no",
                                       new_password: "correct horse" }),
            });
            return (await response.json()).error;
        }), "wrong_password", "a POST is sent twice with its body");

        await made.clearCookies({ name: /^access/ });
        await page.route("**/auth/refresh", route => route.abort());
        is(await get("/api/whoami"), [401],
            "without an answer to the refresh the 401 stays");
        is(await page.evaluate(() => session.state), "active",
            "and nobody is signed out");
        await made.close();
    },
});


// --- the way back ------------------------------------------------------------

async function away(name, meanwhile, then) {
    const { made, page, session } = await open({}, "/own/");

    await page.getByLabel("Draft").fill("kept");
    await page.evaluate(() => {
        window.alive = true;
        addEventListener("pageshow", event => {
            window.back = event.persisted;
            window.seen = document.querySelector("main").hidden;
        });
    });
    await page.goto("/portero/icon.svg");
    await meanwhile(made, session);
    await page.goBack({ waitUntil: "commit" });
    await then(page);
    await made.close();
}

await run({

    "back, signed in": () => away("signed in", async () => {}, async page => {
        await eventually("the page is there", () => hidden(page), false);
        is(await page.evaluate(() => [window.alive, window.back, window.seen]),
            [true, true, true],
            "from the browser's memory, and covered at first");
        is(await page.getByLabel("Draft").inputValue(), "kept",
            "with what was typed");
        await page.keyboard.press("Shift");
        await eventually("and it works on", async () => (await page.evaluate(
            () => localStorage.portero || "")), /renewed/);
    }),

    "back, without a network": () => away("offline",
        made => made.setOffline(true),
        async page => {
            await dialogOf(page).waitFor();
            is(await hidden(page), true, "covered until there is an answer");
        }),

    "back, after the session": () => away("ended",
        (made, session) => gate.sql(`UPDATE portero.sessions SET
            ended_at = now(), end_reason = 'logout'
            WHERE sid = '${session}'`),
        async page => {
            await page.waitForURL(/return=/);
            ok(true, "to the start page");
        }),

    "back, as somebody else": () => away("another session",
        made => signIn(made), async page => {
            await eventually("loaded anew", () => page.evaluate(() =>
                !window.alive && !document.querySelector("main").hidden));
            is(await page.getByLabel("Draft").inputValue(), "",
                "nothing of the other session");
        }),
});

await finish();
