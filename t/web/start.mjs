// The start page's forms.

import { context, finish, is, logIn, ok, test, url } from "./lib.mjs";

await test("a login", async () => {
    const made = await context();
    const page = await logIn(made);
    is(page.url(), `${url}/app/`, "a login leads to the protected page");
    is(await page.locator("#who").textContent(), "Signed in as ana",
        "which says who is signed in");
    ok((await page.title()).startsWith("Protected page"), "and has a title");
    await made.close();
});

await finish();
