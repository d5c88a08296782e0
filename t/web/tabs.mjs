// Several tabs of one browser.

import { context, eventually, fillIn, finish, gate, is, move, ok, open,
         requests, run, signIn, sleep, url, wake } from "./lib.mjs";

const dialogOf = page => page.getByRole("alertdialog");
const BEA = { username: "bea", password: "correct horse battery" };


// A second tab, and what it sends after its first question.

async function another(made, path = "/app/") {
    const page = await made.newPage();
    await page.goto(path);
    await page.locator("main").waitFor();
    return { page, sent: requests(page) };
}

// Both dialogs are open.

async function warned(options) {
    const first = await open(options);
    const second = await another(first.made);

    await move(first.session, 29, "idle_at");
    for (const { page } of [first, second]) {
        await wake(page);
        await dialogOf(page).waitFor();
    }
    second.sent.length = 0;
    return { ...first, second };
}

async function renewal(options) {
    const { made, page, second } = await warned(options);

    await dialogOf(page).getByRole("button").first().click();
    await eventually("both dialogs close", async () =>
        !await dialogOf(page).isVisible() &&
        !await dialogOf(second.page).isVisible());
    is(second.sent, [], "the other tab did not have to ask");
    await made.close();
}

async function signingOut(options) {
    const { made, page, second } = await warned(options);

    await dialogOf(page).getByRole("button", { name: "Sign out" }).click();
    for (const tab of [page, second.page]) {
        await tab.waitForURL(`${url}/`);
        is(await tab.getByRole("status").textContent(), "You are signed out.",
            "a tab says that somebody signed out");
    }
    is(second.sent, [], "the other tab did not have to ask");
    await made.close();
}

// Nothing in localStorage, and no BroadcastChannel.

const noStorage = () => {
    Object.defineProperty(window, "localStorage",
        { get() { throw new DOMException("no", "SecurityError"); } });
};
const noChannel = () => {
    delete window.BroadcastChannel;
};


await run({

    "continued in one": () => renewal(),
    "continued, without localStorage": () => renewal({ before: noStorage }),
    "continued, without BroadcastChannel": () =>
        renewal({ before: noChannel }),

    "signed out in one": () => signingOut(),
    "signed out, without localStorage": () =>
        signingOut({ before: noStorage }),
    "signed out, without BroadcastChannel": () =>
        signingOut({ before: noChannel }),

    async "ended by the server"() {
        const { made, page, session } = await open();
        const second = await another(made);

        await gate.sql(`UPDATE portero.sessions SET ended_at = now(),
            end_reason = 'admin' WHERE sid = '${session}'`);
        await wake(page);
        for (const tab of [page, second.page]) {
            await tab.waitForURL(/return=/);
            await eventually("a tab says why",
                () => tab.getByRole("status").textContent(),
                "Your session was ended.");
        }
        is(second.sent.filter(name => name !== "refresh silent"), [],
            "the other tab did not have to ask");
        await made.close();
    },

    async "signed in in one"() {
        const made = await context();
        const page = await made.newPage();
        const waiting = await made.newPage();

        await waiting.goto("/app/?a=b");
        await waiting.getByRole("form", { name: "Log in" }).waitFor();
        await page.goto("/");
        await fillIn(page);
        await waiting.waitForURL(`${url}/app/?a=b`);
        await waiting.locator("#who").waitFor();
        ok(true, "the other goes where it wanted to");
        await made.close();
    },

    async "somebody else"() {
        const { made, page } = await open();
        const other = await made.newPage();

        await page.getByLabel("Notes").fill("of ana");
        await other.goto("/");
        await fillIn(other, BEA);
        await eventually("the first tab shows who is signed in now",
            () => page.locator("#who").textContent(), "Signed in as bea");
        is(await page.getByLabel("Notes").inputValue(), "",
            "and nothing of the one before");
        await made.close();
    },

    // The cookies change, and no message tells.
    async "somebody else, unheard"() {
        const { made, page } = await open();

        await signIn(made, BEA);
        await wake(page);
        await eventually("an answer about another session has it load anew",
            () => page.locator("#who").textContent(), "Signed in as bea");
        await made.close();
    },

    async "messages"() {
        const { made, page, sent, session } = await open();
        const other = await made.newPage();
        await other.goto("/portero/icon.svg");

        const say = (message, raw = JSON.stringify(message)) =>
            other.evaluate(text => {
                localStorage.portero = text;
                new BroadcastChannel("portero").postMessage(text);
            }, raw);
        // Of a later time than any answer of this test.
        const now = Number(await gate.value(
            "SELECT extract(epoch FROM now())")) + 60;
        const good = { v: 1, type: "signed-out", session, reason: "idle",
            server_time: now, idle_expires_in: 50, absolute_expires_in: 900,
            idle_seconds: 60, at: Date.now() };
        const { at, ...undated } = good;

        await move(session, 600, "idle_at");
        await wake(page);
        await eventually("there is time", () => sent.length, 2);
        await sleep(200);
        sent.length = 0;
        await page.evaluate(() => {
            window.untouched = true;
        });
        for (const [name, message] of [
            ["no object", 7], ["null", null], ["a list", [good]],
            ["another version", { ...good, v: 2 }],
            ["no type", { ...good, type: undefined }],
            ["an unknown type", { ...good, type: "toString" }],
            ["no session", { ...good, session: undefined }],
            ["an unknown reason", { ...good, reason: "<b>" }],
            ["no time", { ...good, server_time: undefined }],
            ["undated", undated],
            ["an older time", { ...good, server_time: now - 200 }],
            ["a renewal without times",
             { ...good, type: "renewed", idle_expires_in: undefined }],
            ["a renewal with a negative one",
             { ...good, type: "renewed", idle_expires_in: -1 }],
        ]) {
            await say(message?.at ? { ...message, at: Date.now() } : message);
            is(await page.evaluate(() => window.untouched), true,
                `${name}: nothing happens`);
        }
        await say(null, "{");
        await sleep(300);
        is(await page.evaluate(() => [window.untouched,
            document.querySelector("main").hidden]), [true, false],
            "the page is as it was");
        is(sent, [], "and asked nothing");

        await say({ ...good, at: Date.now() - 6000 });
        await eventually("an old one has it ask", () => sent.join(),
            "session");
        is(await page.evaluate(() => window.untouched), true, "and stay");

        await say({ ...good, type: "renewed", idle_expires_in: 4,
            server_time: now + 100, at: Date.now() });
        await dialogOf(page).waitFor();
        ok(true, "a good renewal moves the end");
        await say({ ...good, server_time: now + 101, at: Date.now() });
        await page.waitForURL(/return=|reason=/);
        ok(true, "a good end ends");
        await made.close();
    },

    async "another session's message"() {
        const { made, page } = await open();
        const other = await made.newPage();
        await other.goto("/portero/icon.svg");

        await page.evaluate(() => {
            window.untouched = true;
        });
        await other.evaluate(text => {
            localStorage.portero = text;
        }, JSON.stringify({ v: 1, type: "renewed", session: "x", reason: "",
            server_time: Date.now() / 1000 + 5, idle_expires_in: 50,
            absolute_expires_in: 900, idle_seconds: 60, at: Date.now() }));
        await eventually("has the page load anew", () => page.evaluate(() =>
            !window.untouched && !document.querySelector("main").hidden));
        await made.close();
    },
});

await finish();
