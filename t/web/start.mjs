// The start page's forms.

import { context, fillIn, finish, is, ok, run, url } from "./lib.mjs";

await run({

    async "a login"() {
        const made = await context();
        const page = await made.newPage();

        await page.goto("/");
        await fillIn(page);
        await page.locator("#who").waitFor();
        is(page.url(), `${url}/app/`, "it leads to the protected page");
        is(await page.locator("#who").textContent(), "Signed in as ana",
            "which says who is signed in");
        ok((await page.title()).startsWith("Protected page"),
            "and has a title");
        await made.close();
    },
});

await finish();
