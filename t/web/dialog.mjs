// The dialog before a session ends.  The tests run side by side, each with a
// session of its own: they wait for real seconds.

import { eventually, fillIn, finish, focused, gate, idle, is, move, ok, open,
         run, sleep, url, wake } from "./lib.mjs";

const WARNING = "You are about to be signed out";
const dialogOf = (page, name = WARNING) =>
    page.getByRole("alertdialog", { name });


const seconds = async page => {
    const [, m, s] = (await page.getByRole("timer").textContent())
        .match(/^(\d+):(\d\d)$/);
    return 60 * m + Number(s);
};


await run({

    async "nobody touches it"() {
        const { made, page, sent } = await open();
        const dialog = dialogOf(page);

        is(await dialog.isVisible(), false, "no dialog while there is time");
        await dialog.waitFor({ timeout: 20000 });
        ok(await seconds(page) >= 11 && await seconds(page) <= 12,
            "it opens when the warning time is left", await seconds(page));
        ok(/^\(0:1\d\) Protected page/.test(await page.title()),
            "and the title starts with it", await page.title());
        is(await page.getByRole("timer", { name: "Time left" }).count(), 1,
            "a timer, with a name");
        ok(/second/.test(await dialog.getByRole("status").textContent()),
            "its opening is announced");
        is(await page.evaluate(() => document.activeElement.textContent),
            "Continue working", "its first button has the focus");
        is(await page.evaluate(() => document.querySelector("dialog")
            .matches(":modal")), true, "it is modal");
        await page.mouse.click(2, 2);
        await page.mouse.click(2, 2);
        ok(await dialog.isVisible(), "a click outside does not close it");
        await page.evaluate(() => document.querySelector("dialog").close());
        await eventually("nor does anything else of the browser's",
            () => page.evaluate(() => document.querySelector("dialog")
                .matches(":modal")));
        is(await focused(page), "Continue working", "and the focus is there");

        const began = await seconds(page);
        await eventually("it counts down", async () =>
            await seconds(page) <= began - 2);
        await page.waitForURL(/reason=/, { timeout: 15000 });
        is(page.url(), `${url}/?return=/app/`, "in the end: the start page");
        await eventually("which says why",
            () => page.getByRole("status").textContent(),
            "You were signed out because nothing happened for a while.");
        // A busy server may find a second left at the end, and is asked again.
        ok(/^(session,){3,4}refresh silent,logout$/.test(sent.join()),
            "three times it asked", sent);
        is((await made.cookies()).filter(({ name }) =>
            /^(access|refresh)/.test(name)), [], "no cookie is left");
        await made.close();
    },

    async "continue working"() {
        const { made, page, session } = await open();
        const dialog = dialogOf(page);
        const notes = page.getByLabel("Notes");

        await page.evaluate(() => {
            document.querySelector("main").style.paddingBottom = "3000px";
        });
        await notes.fill("half a sen");
        await page.evaluate(() => {
            document.getElementById("notes").setSelectionRange(2, 6);
            scrollTo(0, 120);
        });
        await move(session, 11, "idle_at");
        await wake(page);
        await dialog.waitFor();
        await page.evaluate(() => {
            window.places = [];
            addEventListener("scroll", () => places.push(scrollY));
        });
        await page.mouse.move(10, 10);
        await page.mouse.wheel(0, 300);
        await page.keyboard.press("PageDown");
        await page.keyboard.press("Tab");
        is(await focused(page), "Sign out", "Tab goes to the other button");
        await page.keyboard.press("Tab");
        is(await focused(page), "Continue working", "and back");
        await page.keyboard.press("Shift+Tab");
        is(await focused(page), "Sign out", "Shift+Tab as well");
        await page.keyboard.press("Shift+Tab");
        await page.keyboard.press("Enter");
        await eventually("one key closes it", () => dialog.isVisible(), false);
        is(await page.evaluate(() => [document.activeElement.id, scrollY,
            document.activeElement.selectionStart,
            document.activeElement.selectionEnd,
            document.activeElement.value]),
            ["notes", 120, 2, 6, "half a sen"],
            "focus, selection, text and place are as they were");
        is(await page.evaluate(() => places), [],
            "and the page did not move behind the dialog");
        is(await page.title(), "Protected page · Portero", "the title as well");
        ok(await idle(session) > 20, "the session goes on");

        for (const time of ["second", "third"]) {
            await move(session, 11, "idle_at");
            await wake(page);
            await dialog.waitFor();
            await page.keyboard.press("Escape");
            await page.keyboard.press("Escape");
            await page.keyboard.press("Escape");
            await eventually(`Escape is the same, a ${time} time`,
                () => dialog.isVisible(), false);
            ok(await idle(session) > 20, "and renews");
        }
        await made.close();
    },

    async "sign out in the dialog"() {
        const { made, page, session } = await open();
        const dialog = dialogOf(page);

        await move(session, 11, "idle_at");
        await wake(page);
        await dialog.getByRole("button", { name: "Sign out" }).click();
        await page.waitForURL(`${url}/`);
        is(await page.getByRole("status").textContent(), "You are signed out.",
            "signed out");
        is(await gate.value(`SELECT end_reason FROM portero.sessions
            WHERE sid = '${session}'`), "logout", "by the server, too");
        await page.goto("/app/");
        await page.waitForURL("**/?return=/app/");
        await page.getByRole("form", { name: "Log in" }).waitFor();
        ok(true, "and stays out");
        await made.close();
    },

    async "keys and presses"() {
        const { made, page, sent, session } = await open();

        await page.mouse.click(300, 500);
        await eventually("a press renews", () => sent.join(),
            "session,refresh continue");
        await page.keyboard.press("Shift");
        await page.keyboard.press("Shift");
        await page.keyboard.press("Shift");
        is(sent.length, 2, "more within a tenth of the time are not sent");
        await eventually("but the last is not lost", () => sent.join(),
            "session,refresh continue,refresh continue");
        ok(await idle(session) > 20, "it moved the end");
        await sleep(3500);
        is(sent.length, 3, "once is enough");
        await page.evaluate(() => {
            document.body.dispatchEvent(new KeyboardEvent("keydown",
                { key: "a", bubbles: true }));
        });
        await sleep(1500);
        is(sent.length, 3, "what a script presses does not count");
        await made.close();
    },

    async "the absolute end"() {
        const { made, page, sent, session } = await open();
        const dialog = dialogOf(page, "Your session is ending");

        await move(session, 6, "absolute_at", "idle_at");
        await wake(page);
        await dialog.waitFor();
        is(await dialog.getByRole("button").allTextContents(),
            ["Understood", "Sign out"], "nothing can be continued");
        await page.keyboard.press("Enter");
        await eventually("Understood closes it", () => dialog.isVisible(),
            false);
        is(await page.title(), "Protected page · Portero", "and the title");
        await page.getByLabel("Notes").fill("saved");
        is(await page.getByLabel("Notes").inputValue(), "saved",
            "the page can be used");
        await page.waitForURL(/reason=|return=/, { timeout: 15000 });
        await eventually("the end", () => page.getByRole("status")
            .textContent(),
            "Your session has reached its end.");
        is(sent.filter(name => name === "refresh continue"), [],
            "and nothing was asked for in vain");
        await made.close();
    },

    async "an end by others"() {
        const { made, page, session } = await open();

        await page.goto("/app/?a=b&c=%20d");
        await page.locator("main").waitFor();
        await gate.sql(`UPDATE portero.sessions SET ended_at = now(),
            end_reason = 'admin' WHERE sid = '${session}'`);
        await wake(page);
        await page.waitForURL(/return=/);
        await eventually("says so", () => page.getByRole("status")
            .textContent(),
            "Your session was ended.");
        is(page.url(), `${url}/?return=/app/?a=b&c=%20d`,
            "and leads back, when somebody logs in");
        await fillIn(page);
        await page.waitForURL(`${url}/app/?a=b&c=%20d`);
        ok(true, "to where it was");
        await made.close();
    },

    async "in Spanish"() {
        const { made, page } = await open({ locale: "es-MX" });

        is(await page.evaluate(() => document.documentElement.lang), "es",
            "the page says so");
        is(await page.getByRole("heading").textContent(), "Página protegida",
            "its heading");
        is(await page.title(), "Página protegida · Portero", "its title");
        is(await page.locator("#who").textContent(), "Sesión de ana",
            "who is signed in");
        is(await page.locator("#limit").textContent(),
            "Sin actividad, la sesión se cierra a los 24 segundos.",
            "the limit");
        const dialog = dialogOf(page, "Su sesión está a punto de cerrarse");
        await dialog.waitFor({ timeout: 20000 });
        is(await dialog.getByRole("button").allTextContents(),
            ["Seguir trabajando", "Cerrar sesión"], "the buttons");
        is(await page.getByRole("timer", { name: "Tiempo restante" }).count(),
            1, "the timer");
        ok(/^\d+ segundos?$/.test(await dialog.getByRole("status")
            .textContent()), "what is announced",
            await dialog.getByRole("status").textContent());
        await page.keyboard.press("Escape");
        await eventually("Escape", () => dialog.isVisible(), false);
        await page.getByRole("button", { name: "Cerrar sesión" }).click();
        await page.waitForURL(`${url}/`);
        is(await page.getByRole("status").textContent(),
            "Ha cerrado la sesión.", "the start page");
        is(await page.getByRole("form").evaluateAll(forms =>
            forms.map(form => form.innerText.replace(/\s+/g, " ").trim())),
            ["Iniciar sesión Usuario Contraseña Iniciar sesión",
             "Crear cuenta Usuario Contraseña Correo electrónico (opcional) " +
             "Crear cuenta"], "and its forms");
        await made.close();
    },
});

await finish();
