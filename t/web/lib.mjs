// What the scripts of this folder share: the browser, checks, and the gate that
// the test has started.
//
//     await test("a dialog", async () => {
//         const page = await open();
//         await eventually("it opens",
//             () => page.locator("dialog").isVisible());
//     });
//     await finish();
//
// Each test has a context of its own, so tests may run side by side: run().

import { AsyncLocalStorage } from "node:async_hooks";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(
    new URL("../../build/npm/", import.meta.url));
const { chromium } = require("playwright-core");

export const AXE = require.resolve("axe-core");
export const url = process.env.GATE_URL;
export const USER = { username: "ana", password: "correct horse battery" };

export const ELSEWHERE = "http://127.0.0.1:9/";    // of another origin

const PATIENCE = 10000;     // milliseconds a condition may take


// --- the gate ----------------------------------------------------------------

const calls = new Map();
let serial = 0;

function say(...words) {
    process.stdout.write(JSON.stringify(words) + "\n");
}

createInterface({ input: process.stdin }).on("line", line => {
    const [id, result, error] = JSON.parse(line);
    const { resolve, reject } = calls.get(id);
    calls.delete(id);
    if (error) {
        reject(new Error(error));
    } else {
        resolve(result);
    }
});

export const gate = new Proxy({}, {
    get: (_, name) => (...args) => new Promise((resolve, reject) => {
        calls.set(++serial, { resolve, reject });
        say("call", serial, name, ...args);
    }),
});


// --- checks ------------------------------------------------------------------

const inside = new AsyncLocalStorage();

export function ok(good, name, seen = "") {
    const where = inside.getStore();
    say("check", Boolean(good), where ? `${where}: ${name}` : name,
        String(seen));
}

export function is(got, wanted, name) {
    const [a, b] = [got, wanted].map(value => JSON.stringify(value));
    ok(a === b, name, `${a}, and not ${b}`);
}

// Waits for what a function is to return: true, or the value given.

export async function eventually(name, look, wanted = true, ms = PATIENCE) {
    const end = Date.now() + ms;
    let seen;

    do {
        try {
            seen = await look();
        } catch (error) {
            seen = error.message;
        }
        if (wanted instanceof RegExp ? wanted.test(seen) : seen === wanted) {
            ok(true, name);
            return;
        }
        await new Promise(done => setTimeout(done, 30));
    } while (Date.now() < end);
    ok(false, name, `${JSON.stringify(seen)}, and not ${wanted}`);
}

export const sleep = ms => new Promise(done => setTimeout(done, ms));


// --- the browser -------------------------------------------------------------

export const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--disable-quic", "--disable-gpu",
           ...process.getuid() === 0 ? ["--no-sandbox"] : []],
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
});

// What goes wrong in a page without anybody asking fails the test.

// A context that is "routed" asks its "answer", if it has one, in place of
// /auth/: from its beginning, so that no request is on its way when one is set.

export async function context({ before, routed, ...options } = {}) {
    const made = await browser.newContext({ baseURL: url, locale: "en-GB",
                                            ...options });
    if (routed) {
        await made.route("**/auth/**", route =>
            made.answer ? made.answer(route) : route.continue());
    }
    if (before) {
        await made.addInitScript(before);   // in each page, before its scripts
    }
    made.setDefaultTimeout(PATIENCE);
    made.on("weberror", error => ok(false, "no error in a page",
        error.error().stack));
    made.on("console", message => {
        if (/Content Security Policy/.test(message.text()) &&
            !message.text().includes(ELSEWHERE)) {
            ok(false, "nothing that the policy refuses", message.text());
        }
    });
    return made;
}

export async function fillIn(page, user = USER) {
    const form = page.getByRole("form", { name: /Log in|Iniciar sesión/ });

    await form.getByLabel(/User name|Usuario/).fill(user.username);
    await form.getByLabel(/Password|Contraseña/).fill(user.password);
    await form.getByRole("button").click();
}

// Signed in without the form, one after the other; the session's id.

let last = Promise.resolve();

export function signIn(made, user = USER) {
    const next = last.then(async () => {
        const answer = await made.request.post("/auth/login",
            { data: user, headers: { Origin: url, "Sec-Fetch-Mode": "cors" } });
        const { id } = (await answer.json()).session;
        // A user may have twenty; an old one would be ended.
        made.on("close", () => gate.sql(
            `DELETE FROM portero.sessions WHERE sid = '${id}'`).catch(() => {}));
        return id;
    });
    last = next.catch(() => {});
    return next;
}

// A page that is signed in, what it has sent to /auth/, and its session.

export async function open(options, path = "/app/") {
    const made = await context(options);
    const session = await signIn(made);
    const page = await made.newPage();
    const sent = requests(page);

    await page.goto(path);
    await page.locator("main").waitFor();
    return { made, page, sent, session };
}

export function requests(page) {
    const sent = [];

    page.on("request", request => {
        const path = new URL(request.url()).pathname;
        if (path.startsWith("/auth/")) {
            sent.push([path.slice(6), request.postDataJSON()?.intent]
                .filter(Boolean).join(" "));
        }
    });
    return sent;
}

// Moves ends of a session; the page learns of it when it asks.

export function move(session, seconds, ...columns) {
    return gate.sql(`UPDATE portero.sessions SET ${columns.map(column =>
        `${column} = now() + interval '${seconds} seconds'`).join()}
        WHERE sid = '${session}'`);
}

// How long it has, by the database.

export async function idle(session) {
    return Number(await gate.value(`SELECT extract(epoch FROM idle_at - now())
        FROM portero.sessions WHERE sid = '${session}'`));
}

// Has a page remember what the dialog's timer shows from now on, for a look may
// come a second late; shown() is the list of it.

export function watch(page) {
    return page.evaluate(() => {
        const timer = document.querySelector("dialog.portero strong");
        window.shown = [];
        new MutationObserver(() => window.shown.push(timer.textContent))
            .observe(timer, { childList: true });
    });
}

export const shown = page => page.evaluate(() => window.shown);

// What a page is told when a network comes back; it asks.

export function wake(page) {
    return page.evaluate(() => {
        dispatchEvent(new Event("online"));
    });
}

export function focused(page) {
    return page.evaluate(() => document.activeElement.textContent);
}


// --- tests -------------------------------------------------------------------

export async function test(name, body) {
    try {
        await body();
    } catch (error) {
        ok(false, name, error.stack);
    }
}

// All of { name: body }, some at once: most of their time is waiting.  Their
// checks have the name before them.

export async function run(tests, atOnce = 6) {
    const left = Object.entries(tests);

    await Promise.all(Array.from({ length: atOnce }, async () => {
        for (let next; (next = left.shift()); ) {
            const [name, body] = next;
            await inside.run(name, () => test("it runs", body));
        }
    }));
}

export async function finish() {
    await browser.close();
    process.stdin.destroy();
}
