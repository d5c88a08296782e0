// Whether a file is an OpenAPI document: "3.1", or what is wrong with it.

import { Validator } from
    "../../build/npm-openapi/node_modules/@seriousme/openapi-schema-validator/index.js";

const validator = new Validator();
const result = await validator.validate(process.argv[2]);

console.log(result.valid ? validator.version
    : JSON.stringify(result.errors, null, 1));
