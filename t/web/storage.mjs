// A single-page application that keeps its tokens by itself.

import { USER, context, eventually, finish, gate, is, ok, requests, run, url }
    from "./lib.mjs";

async function load(page, way) {
    await page.goto(`/${way}/`);
    await page.evaluate(async () => {
        window.app = await import(`${location.pathname}tokens.js`);
    });
}

async function application(way) {
    const made = await context();
    const page = await made.newPage();
    const sent = requests(page);

    await load(page, way);
    await page.evaluate(({ username, password }) =>
        app.logIn(username, password), USER);
    sent.length = 0;
    return { made, page, sent, sub: await gate.value(
        "SELECT sub FROM portero.users WHERE username = 'ana'") };
}

// Who the backend takes the page for, or the status.

const who = (page, times = 1) => page.evaluate(n => Promise.all(
    Array.from({ length: n }, async () => {
        const response = await app.ask("/api/whoami");
        return response.ok ? (await response.json()).user : response.status;
    })), times);

const spoil = (page, way) => page.evaluate(store => {
    const tokens = JSON.parse(window[store].tokens);
    tokens.access_token = "a.b.c";
    window[store].tokens = JSON.stringify(tokens);
}, `${way}Storage`);

// The next answer to whoami arrives when the tokens have been renewed.

const late = (page, way) => page.route("**/api/whoami", async route => {
    const response = await route.fetch();
    await page.waitForFunction(store =>
        JSON.parse(window[store].tokens).access_token !== "a.b.c",
        `${way}Storage`);
    await route.fulfill({ response });
}, { times: 1 });

const kept = (page, way) => page.evaluate(store => "tokens" in window[store],
    `${way}Storage`);


function both(way) {
    return async () => {
        const { made, page, sent, sub } = await application(way);

        is(await who(page), [sub], "the gateway takes its token");
        is((await made.cookies()).length, 0, "there is no cookie");
        is(await page.evaluate(store => JSON.parse(window[store].tokens)
            .refresh_token.slice(0, 3), `${way}Storage`), "v1.",
            "and every script of the page can read the tokens");

        await spoil(page, way);
        is(await who(page, 3), [sub, sub, sub], "renewed after a 401");
        is(sent, ["refresh silent"], "once for all");

        sent.length = 0;
        await spoil(page, way);
        await late(page, way);
        is(await who(page, 3), [sub, sub, sub], "a 401 that comes late");
        is(sent, ["refresh silent"], "has nothing renewed again");
        await page.reload();
        await load(page, way);
        is(await who(page), [sub], "a reload keeps it");

        await spoil(page, way);
        await page.route("**/auth/refresh", route => route.fulfill({
            status: 503, contentType: "application/json",
            body: '{"error": "temporarily_unavailable"}' }));
        is(await who(page).catch(error => /temporarily_unavailable/
            .test(error.message)), true, "a 503 is an error");
        is(await kept(page, way), true, "and nothing is forgotten");
        await page.unroute("**/auth/refresh");
        is(await who(page), [sub], "for it may be renewed later");

        is(await page.evaluate(() => app.logIn("ana", "wrong")
            .catch(error => error.message)), "invalid_grant",
            "a wrong password is told");
        await page.evaluate(({ username, password }) =>
            app.logIn(username, password), USER);
        await page.evaluate(() => app.logOut());
        is(await kept(page, way), false, "signed out: no token is left");
        is(await who(page), [401], "and the backend is out of reach");
        is(await gate.value(`SELECT count(*) FROM portero.sessions
            WHERE end_reason = 'logout'`) > 0, true, "the session has ended");
        await made.close();
    };
}


await run({ "sessionStorage": both("session") });
await run({ "localStorage": both("local") });

await run({

    async "sessionStorage, another tab"() {
        const { made, page } = await application("session");
        const other = await made.newPage();

        await load(other, "session");
        is(await who(other), [401], "is signed out");
        is((await who(page)).length, 1, "the first is not");

        // As a browser's "duplicate" does, an opener's storage is copied.
        const [copy] = await Promise.all([made.waitForEvent("page"),
            page.evaluate(() => {
                window.open(location.href);
            })]);
        await copy.waitForLoadState();
        is(await kept(copy, "session"), true, "a duplicate has a copy");
        await made.close();
    },

    async "localStorage, another tab"() {
        const { made, page, sub } = await application("local");
        const other = await made.newPage();

        await load(other, "local");
        is(await who(other), [sub], "is signed in");
        await spoil(page, "local");
        is(await Promise.all([who(page), who(other)]), [[sub], [sub]],
            "both may renew at once");
        await page.evaluate(() => app.logOut());
        await eventually("signed out, the other loads anew", () =>
            other.evaluate(() => !window.app));
        await made.close();
    },

    async "the header and a cookie"() {
        const { made, page } = await application("session");

        await made.addCookies([{ name: `access-${new URL(url).port}`,
            value: "x", url }]);
        is(await who(page), [400], "are not both taken");
        ok(await kept(page, "session"), "and nothing is forgotten");
        await made.close();
    },
});

// It moves the time of every session.
await run({

    async "a copied token is used late"() {
        const { made, page } = await application("session");
        const copied = await page.evaluate(() => sessionStorage.tokens);

        for (let i = 0; i < 2; i++) {
            await spoil(page, "session");
            await who(page);
            await gate.sql(`UPDATE portero.sessions SET rotated_at = rotated_at
                - interval '31 seconds' WHERE ended_at IS NULL`);
        }
        await page.evaluate(tokens => {
            sessionStorage.tokens = tokens;
        }, copied);
        await spoil(page, "session");
        is(await who(page).catch(error => /invalid_grant/
            .test(error.message)), true, "and ends the session");
        is(await kept(page, "session"), false, "the tokens are forgotten");
        is(await gate.value(`SELECT count(*) FROM portero.sessions
            WHERE end_reason = 'reuse'`), "1", "as theft");
        await made.close();
    },
});

await finish();
