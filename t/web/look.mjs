// How every page looks, in each state that it can have.

import { readFileSync } from "node:fs";

import { AXE, context, eventually, fillIn, finish, is, move, ok, open, run,
         wake } from "./lib.mjs";

const pictures = process.argv[2];
const axe = readFileSync(AXE, "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa",
              "best-practice"];

const dialog = page => page.getByRole("alertdialog");

// The pages, in states that a person can see them in.

const STATES = {
    async start(options) {
        const made = await context(options);
        const page = await made.newPage();
        await page.goto("/?reason=idle");
        await page.getByRole("form").first().waitFor();
        return page;
    },

    async "start with an error"(options) {
        const page = await STATES.start(options);
        await fillIn(page, { username: "ana", password: "wrong" });
        await eventually("an error", () => page.getByRole("alert").first()
            .textContent(), /wrong|correctos/);
        return page;
    },

    async "a link that serves once"(options) {
        const made = await context(options);
        const page = await made.newPage();
        await page.goto(`/portero/link.html#invite=${"x".repeat(43)}`);
        await page.getByRole("form").waitFor();
        return page;
    },

    async protected(options) {
        return (await open(options)).page;
    },

    async dialog(options) {
        const { page, session } = await open(options);
        await move(session, 272, "idle_at");
        await wake(page);
        await dialog(page).waitFor();
        return page;
    },

    async "the last dialog"(options) {
        const { page, session } = await open(options);
        await move(session, 272, "idle_at", "absolute_at");
        await wake(page);
        await dialog(page).waitFor();
        return page;
    },

    async "a dialog without an answer"(options) {
        const page = await STATES.dialog(options);
        await page.route("**/auth/**", route => route.abort());
        await page.keyboard.press("Enter");
        await eventually("a failure", () => dialog(page).getByRole("status")
            .textContent(), /No answer|no responde/);
        return page;
    },

    async waiting(options) {
        const { page } = await open(options);
        await page.route("**/auth/**", route => route.abort());
        await page.reload();
        await dialog(page).waitFor();
        return page;
    },
};

async function each(options, look, states = Object.keys(STATES)) {
    for (const state of states) {
        const page = await STATES[state](options);
        await look(page, state);
        await page.context().close();
    }
}


async function accessible(page, state) {
    await page.evaluate(axe);
    const { violations, passes } = await page.evaluate(tags =>
        axe.run(document, { runOnly: tags }), TAGS);

    is(violations.map(({ id, nodes }) =>
        [id, nodes.map(({ target }) => target.join(" "))]), [],
        `${state}: axe has no complaint`);
    ok(passes.length > 10, "and looked", passes.length);
}


// Nothing sideways, every button can be brought into view, whole, and is large
// enough for a finger.

async function fits(page, state) {
    const width = page.viewportSize().width;

    is(await page.evaluate(() =>
        document.scrollingElement.scrollWidth > innerWidth ||
        [...document.querySelectorAll("dialog")].some(dialog =>
            dialog.scrollWidth > dialog.clientWidth)), false,
        `${state}: nothing scrolls sideways at ${width} px`);

    for (const part of await page.locator(
        "button:visible, input:visible, textarea:visible").all()) {
        if (await page.locator("dialog[open]").count() &&
            !await part.evaluate(node => node.closest("dialog"))) {
            continue;
        }
        const seen = await part.evaluate(node => {
            node.focus();
            node.scrollIntoView({ block: "nearest" });
            const { top, left, bottom, right, width, height } =
                node.getBoundingClientRect();
            const middle = document.elementFromPoint((left + right) / 2,
                (top + bottom) / 2);
            return { whole: top > -1 && left > -1 && bottom < innerHeight + 1 &&
                         right < innerWidth + 1,
                     large: width >= 24 && height >= 24,
                     free: middle === node, name: node.id || node.textContent };
        });
        ok((seen.whole || seen.name === "notes") && seen.large && seen.free,
            `${state}: "${seen.name}" can be seen and pressed`,
            JSON.stringify(seen));
    }
}


const SOME = ["start with an error", "dialog"];
const SMALL = { viewport: { width: 320, height: 256 } };

await run({

    light: () => each({ colorScheme: "light" }, accessible),
    dark: () => each({ colorScheme: "dark" }, accessible,
        [...SOME, "protected", "waiting"]),
    "on a phone": () => each({ viewport: { width: 390, height: 780 } }, fits,
        SOME),
    "400 %, in Spanish": () => each({ ...SMALL, locale: "es-ES" }, fits),

    // Shadows and backgrounds are gone there; lines are not.
    "forced colours": () => each({ forcedColors: "active" },
        async (page, state) => {
            is(await page.evaluate(() =>
                [...document.querySelectorAll("button, input, dialog[open]")]
                    .filter(node => node.checkVisibility())
                    .filter(node => parseFloat(getComputedStyle(node)
                        .borderTopWidth) < 1).length), 0,
                `${state}: every part has a line around it`);
            for (let i = 0; i < 3; i++) {
                await page.keyboard.press("Tab");
                const outline = await page.evaluate(() => {
                    const { outlineStyle, outlineWidth } =
                        getComputedStyle(document.activeElement);
                    return [document.activeElement.tagName, outlineStyle,
                            parseFloat(outlineWidth)];
                });
                ok(outline[1] === "solid" && outline[2] >= 2 ||
                   ["BODY", "H2"].includes(outline[0]),
                    `${state}: the focus has an outline`, outline);
            }
        }, [...SOME, "protected"]),

    "less motion": () => each({ reducedMotion: "reduce" },
        async (page, state) => {
            is(await page.evaluate(() =>
                [...document.querySelectorAll("*")].filter(node => {
                    const style = getComputedStyle(node);
                    return style.animationName !== "none" ||
                        parseFloat(style.transitionDuration) > 0 ||
                        style.scrollBehavior !== "auto";
                }).length + document.getAnimations().length), 0,
                `${state}: nothing moves`);
        }, SOME),

    async "text at twice its size"() {
        await each({ viewport: { width: 640, height: 512 } },
            async (page, state) => {
                await page.evaluate(() => {
                    document.documentElement.style.fontSize = "200%";
                });
                await fits(page, state);
            }, SOME);
    },

    async pictures() {
        const options = { viewport: { width: 720, height: 460 },
                          colorScheme: "light" };
        for (const name of ["start", "protected", "dialog"]) {
            const page = await STATES[name](options);
            await page.screenshot({ path: `${pictures}/${name}.png` });
            await page.context().close();
        }
    },
});

await finish();
