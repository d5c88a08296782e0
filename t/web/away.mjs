// A server that does not answer, sleep, and clocks.

import { ELSEWHERE, eventually, finish, focused, gate, idle, is, move, ok,
         open, run, shown, sleep, url, wake, watch } from "./lib.mjs";

const NO_ANSWER = "No answer from the server. Trying again.";
const dialogOf = (page, name = "You are about to be signed out") =>
    page.getByRole("alertdialog", { name });
const waiting = page => dialogOf(page, NO_ANSWER).waitFor();
const hidden = page => page.evaluate(() =>
    document.querySelector("main").hidden);
const signedIn = async made => (await made.cookies()).filter(({ name }) =>
    /^(access|refresh)/.test(name)).length;


async function warned(options, left = 29) {
    const opened = await open(options);

    await move(opened.session, left, "idle_at");
    await wake(opened.page);
    await dialogOf(opened.page).waitFor();
    opened.sent.length = 0;
    return { ...opened, dialog: dialogOf(opened.page) };
}

function end(session, column) {
    return gate.sql(`UPDATE portero.sessions SET ${column} = now()
        WHERE sid = '${session}'`);
}

// The date and the page's own clock, either of which a test may move.

const clocks = () => {
    const [date, elapsed] = [Date.now, performance.now.bind(performance)];
    window.dateMoved = 0;
    window.elapsedMoved = 0;
    Date.now = () => date() + window.dateMoved;
    performance.now = () => elapsed() + window.elapsedMoved;
};

// How long each request took, by the page's own clock.

const timed = () => {
    const { fetch } = window;
    window.took = {};
    window.fetch = (path, init) => {
        const began = performance.now();
        return fetch(path, init).finally(() => {
            window.took[path] = performance.now() - began;
        });
    };
};

// The lid is closed for some minutes: the page's own clock stood still.

const lid = (page, seconds) => page.evaluate(ms => {
    window.dateMoved += ms;
}, 1000 * seconds);


// --- answers that are none ---------------------------------------------------

const json = (status, body, headers = {}) => route => route.fulfill(
    { status, headers, contentType: "application/json",
      body: JSON.stringify(body) });

const NONE = {
    "no network": route => route.abort("internetdisconnected"),
    "a hotel's page": route => route.fulfill({ status: 200,
        contentType: "text/html", body: "<h1>Welcome</h1>" }),
    "a hotel's redirect": route => route.fulfill({ status: 302,
        headers: { Location: ELSEWHERE } }),
    "a 200 of somebody else": json(200, { user: {}, session: {} }),
    "an empty 200": json(200, {}),
    "an empty 401": route => route.fulfill({ status: 401 }),
    "a 401 for another reason": json(401, { error: "invalid_token" }),
    "a 400 invalid_grant": json(400, { error: "invalid_grant" }),
    "a 403": json(403, { error: "cross_site" }),
    "a 429": json(429, { error: "slow_down" }),
    "a 500": json(500, {}),
    "a 503": json(503, { error: "temporarily_unavailable" }),
};

async function none(answer) {
    const { made, page, dialog, session, sent } = await warned(
        { before: clocks, routed: true });

    made.answer = answer;
    await page.keyboard.press("Enter");
    await eventually("the dialog stays and says so",
        () => dialog.getByRole("status").textContent(), NO_ANSWER);
    ok(await dialog.getByRole("status").isVisible(), "for all to see", sent);
    for (let i = 0; i < 4; i++) {
        await page.keyboard.press("Escape");
    }
    ok(await dialog.isVisible(), "Escape does not close it");
    await lid(page, 40);
    await waiting(page);
    is(await hidden(page), true, "covered when no time is left");
    is(await signedIn(made), 2, "the cookies are kept");
    is(page.url(), `${url}/app/`, "nobody is signed out");

    await move(session, 40, "idle_at");
    made.answer = null;
    await wake(page);
    await eventually("and with an answer all is well", () => hidden(page),
        false);
    ok(await idle(session) > 56, "and the session renewed");
    await made.close();
}


await run({

    // Those that take longest come first.

    async "again and again"() {
        const { made, page, session } = await open({ routed: true });
        const times = [];

        await move(session, 300, "idle_at");
        await wake(page);
        page.on("request", request => {
            if (request.url().endsWith("/auth/refresh")) {
                times.push(Date.now());
            }
        });
        made.answer = route => json(503, {}, times.length === 1
            ? { "Retry-After": "3" } : {})(route);
        await page.keyboard.press("Shift");
        await eventually("after 1, 2, 4 s, or Retry-After",
            () => times.length, 4, 20000);
        const gaps = times.slice(1).map((time, i) => time - times[i]);
        ok(gaps.every((gap, i) => gap > [2950, 1950, 3950][i]
            && gap < [2950, 1950, 3950][i] + 1500), "the gaps", gaps);
        await wake(page);
        await eventually("and at once when there is a network",
            () => times.length, 5, 1500);
        is(await page.getByRole("alertdialog").isVisible(), false,
            "while there is time, nobody is troubled with it");
        await made.close();
    },

    async "a server that hangs"() {
        const { made, page, session } = await open(
            { before: timed, routed: true });

        await move(session, 300, "idle_at");
        await wake(page);
        await sleep(500);
        made.answer = () => {};
        await page.keyboard.press("Shift");
        await eventually("is given up", () => page.evaluate(() =>
            "/auth/refresh" in window.took));
        const took = await page.evaluate(() => window.took["/auth/refresh"]);
        ok(took > 7900 && took < 9500, "after 8 s", took);
        await made.close();
    },

    // A debugger's pause stops timers, and the clock goes on.
    async "a tick that is late"() {
        const { made, page, sent } = await open();
        const debug = await made.newCDPSession(page);

        sent.length = 0;
        await debug.send("Debugger.enable");
        await debug.send("Debugger.pause");
        await sleep(7000);
        is(sent, [], "it stands still");
        await debug.send("Debugger.resume");
        await eventually("then asks", () => sent.join(), "session");
        await made.close();
    },

    ...Object.fromEntries(Object.entries(NONE).map(([name, answer]) =>
        [name, () => none(answer)])),

    async "at the start"() {
        const { made, page } = await open({ routed: true });

        made.answer = NONE["a 503"];
        await page.reload();
        await waiting(page);
        is(await hidden(page), true, "covered until the server has answered");
        is(await focused(page), NO_ANSWER, "and the dialog has the focus");
        await page.keyboard.press("Tab");
        is(await focused(page), NO_ANSWER, "which stays inside");
        await page.keyboard.press("Escape");
        await page.keyboard.press("Escape");
        is(await dialogOf(page, NO_ANSWER).isVisible(), true,
            "and Escape does not close it");
        made.answer = null;
        await eventually("it is asked again, by itself", () => hidden(page),
            false);
        await made.close();
    },

    async "offline"() {
        const { made, page, dialog, sent, session } = await warned();

        await page.getByRole("button", { name: "Continue working" }).focus();
        await made.setOffline(true);
        await page.keyboard.press("Enter");
        await eventually("the dialog says so",
            () => dialog.getByRole("status").textContent(), NO_ANSWER);
        await made.setOffline(false);
        await eventually("online, it is renewed at once",
            () => dialog.isVisible(), false, 1500);
        ok(await idle(session) > 56, "by the server");
        is(sent.filter(name => name === "session"), [],
            "and it did not just ask");
        await made.close();
    },

    async "offline until the end"() {
        const { made, page, sent, session } = await open();
        const notes = page.getByLabel("Notes");

        await notes.pressSequentially("unsaved");
        await eventually("what was pressed is known", () => sent.join(),
            "session,refresh continue,refresh continue", 20000);
        await move(session, 9, "idle_at");
        await sleep(500);
        await wake(page);
        await dialogOf(page).waitFor();
        await made.setOffline(true);
        await waiting(page);
        is(await hidden(page), true, "the page is covered");
        is(await page.evaluate(() =>
            document.activeElement.matches("dialog.portero *")), true,
            "the dialog has the focus");
        await move(session, 60, "idle_at");
        await made.setOffline(false);
        await eventually("another device had renewed it", () => hidden(page),
            false);
        is(await notes.inputValue(), "unsaved", "nothing is lost");
        is(await page.evaluate(() => document.activeElement.id), "notes",
            "and the focus where it was");
        await made.setOffline(true);
        await end(session, "idle_at");
        await lid(page, 0);
        await made.setOffline(false);
        await page.waitForURL(/return=/);
        await eventually("now it has ended", () => page.getByRole("status")
            .textContent(),
            "You were signed out because nothing happened for a while.");
        await made.close();
    },

    async "signing out offline"() {
        const { made, page, session } = await open();

        await made.setOffline(true);
        await page.getByRole("button", { name: "Sign out" }).click();
        is(await hidden(page), true, "covered at once");
        await waiting(page);
        is(await signedIn(made), 2, "not signed out, and not said to be");
        is(page.url(), `${url}/app/`, "still waiting");
        await made.setOffline(false);
        await page.waitForURL(`${url}/`);
        is(await page.getByRole("status").textContent(), "You are signed out.",
            "online: signed out");
        is(await gate.value(`SELECT end_reason FROM portero.sessions
            WHERE sid = '${session}'`), "logout", "by the server");
        is(await signedIn(made), 0, "and the cookies are gone");
        await made.close();
    },

    // --- sleep and clocks

    async "the lid is closed, the session goes on"() {
        const { made, page, sent } = await open({ before: clocks });

        await page.getByLabel("Notes").fill("unsaved");
        sent.length = 0;
        await lid(page, 5);
        await eventually("opened, it asks", () => sent.join(), "session");
        is(await hidden(page), false, "the page is there");
        await lid(page, 1800);
        await eventually("and each time", () => sent.join(),
            "session,session");
        await eventually("covered no longer than that", () => hidden(page),
            false);
        is(await page.evaluate(() => document.activeElement.id), "notes",
            "the focus is where it was");
        await made.close();
    },

    async "the lid is closed, the session ends"() {
        const { made, page, session } = await open({ before: clocks });

        await end(session, "idle_at");
        await page.evaluate(() => {
            const began = performance.now();
            new MutationObserver(() => {
                sessionStorage.covered = performance.now() - began;
            }).observe(document.querySelector("main"), { attributes: true });
            window.dateMoved += 18e5;
        });
        await page.waitForURL(/return=/);
        const covered = await page.evaluate(() =>
            Number(sessionStorage.covered));
        ok(covered > 0 && covered < 2000, "it is covered within 2 s", covered);
        await made.close();
    },

    async "the lid is opened without a network"() {
        const { made, page, session } = await open({ before: clocks });

        await made.setOffline(true);
        await lid(page, 1800);
        await eventually("what was on the screen is covered",
            () => hidden(page), true, 2000);
        is(page.url(), `${url}/app/`, "nobody is signed out yet");
        await made.setOffline(false);
        await eventually("nor with one, for the session goes on",
            () => hidden(page), false);
        ok(await idle(session) > 0, "as the server knows");
        await made.close();
    },

    async "a clock that is set back"() {
        const { made, page, sent, session } = await open({ before: clocks });

        sent.length = 0;
        await lid(page, -3600);
        await eventually("has the page ask", () => sent.join(), "session");
        is(await hidden(page), false, "and nothing more");
        await move(session, 29, "idle_at");
        await wake(page);
        await dialogOf(page).waitFor();
        await page.keyboard.press("Enter");
        await eventually("the dialog works", () => dialogOf(page).isVisible(),
            false);
        await made.close();
    },

    async "a clock that is wrong by a year"() {
        const { made, page, session } = await open({ before: () => {
            const date = Date.now;
            Date.now = () => date() - 365 * 864e5;
        } });

        is(await hidden(page), false, "the page is there");
        await move(session, 6, "idle_at");
        await watch(page);
        await wake(page);
        await dialogOf(page).waitFor();
        const [first] = await shown(page);
        ok(/^0:0[56]$/.test(first), "the dialog counts right", first);
        await page.waitForURL(/return=/);
        await eventually("and ends with the session",
            () => page.getByRole("status").textContent(), /nothing happened/);
        await made.close();
    },

    // A browser without a window neither hides nor freezes a page.
    ...Object.fromEntries(["visibilitychange", "resume"].map(type =>
        [`told "${type}"`, async () => {
            const { made, page, session } = await open();

            await end(session, "idle_at");
            await page.evaluate(name => {
                document.dispatchEvent(new Event(name));
            }, type);
            await page.waitForURL(/return=/, { timeout: 2000 });
            ok(true, "a page asks");
            await made.close();
        }])),
}, 8);


// --- the service restarts ----------------------------------------------------

await run({

    async "a restarted service"() {
        const { made, page, dialog, session } = await warned();

        await gate.stop();
        await page.keyboard.press("Enter");
        await eventually("the dialog says that it is away",
            () => dialog.getByRole("status").textContent(), NO_ANSWER);
        await gate.start();
        await eventually("and closes when it is back",
            () => dialog.isVisible(), false);
        is(await hidden(page), false, "the page is there");
        ok(await idle(session) > 54, "the session renewed");
        await made.close();
    },
});

await finish();
