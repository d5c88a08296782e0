// A backend that speaks GraphQL, behind the gateway: it knows nothing of tokens
// and asks X-User and X-User-Roles, which the gateway sets.
//
//     node t/backends/graphql.mjs SOCKET
//
// One location serves what is open and what is not: the gateway refuses whoever
// offers a bad token and lets through who offers none (auth_jwt_optional); each
// field says what it needs.

import { chmodSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../build/npm/", import.meta.url));
const { GraphQLError, buildSchema, graphql } = require("graphql");

const LIMIT = 16384;    // bytes of a request's body

const schema = buildSchema(`
    type Note { author: ID!, text: String! }
    type Query {
        greeting: String!       # open to all
        notes: [Note!]!         # the user's own
    }
    type Mutation {
        addNote(text: String!): Note!   # needs a user
        removeNotes: Int!               # needs the role "editor"
    }
`);

let notes = [];

const root = {
    greeting: () => "hello",
    notes(_, caller) {
        const user = signedIn(caller);
        return notes.filter(({ author }) => author === user);
    },
    addNote({ text }, caller) {
        const note = { author: signedIn(caller), text };
        notes.push(note);
        return note;
    },
    removeNotes(_, caller) {
        signedIn(caller);
        if (!caller.roles.includes("editor")) {
            throw refusal("FORBIDDEN", "the role editor is needed");
        }
        const { length } = notes;
        notes = [];
        return length;
    },
};


function signedIn({ user }) {
    if (!user) {
        throw refusal("UNAUTHENTICATED", "somebody has to be signed in");
    }
    return user;
}


function refusal(code, message) {
    return new GraphQLError(message, { extensions: { code } });
}


async function answer(request) {
    if (request.method !== "POST") {
        return [405, { errors: [{ message: "POST would be right" }] }];
    }
    let body = "";
    for await (const chunk of request) {
        body += chunk;
        if (body.length > LIMIT) {
            return [413, { errors: [{ message: `above ${LIMIT} bytes` }] }];
        }
    }
    let query;
    try {
        query = JSON.parse(body);
    } catch {
        return [400, { errors: [{ message: "this is no JSON" }] }];
    }
    return [200, await graphql({
        schema,
        rootValue: root,
        source: String(query.query),
        variableValues: query.variables,
        operationName: query.operationName,
        contextValue: {
            user: request.headers["x-user"],
            roles: (request.headers["x-user-roles"] || "").split(","),
        },
    })];
}


const [socket] = process.argv.slice(2);

rmSync(socket, { force: true });
createServer(async (request, response) => {
    const [status, json] = await answer(request);
    console.log(`${request.method} ${request.headers["x-user"] || "-"}`);
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(json));
}).listen(socket, () => chmodSync(socket, 0o666));
process.on("SIGTERM", () => process.exit(0));
