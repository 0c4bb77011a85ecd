// Asks a server for flags with the server-side provider: cases as a JSON list in, answers as a JSON list out.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// The clients are not installed beside this file.
const installed = createRequire(process.env.OFREP_MODULES);
const { OpenFeature } = installed("@openfeature/server-sdk");
const { OFREPProvider } = installed("@openfeature/ofrep-provider");

const headers = [["Authorization", `Bearer ${process.env.OFREP_TOKEN}`]];
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: process.env.OFREP_URL, headers }));
const client = OpenFeature.getClient();
const ask = {
    boolean: (...of) => client.getBooleanDetails(...of),
    string: (...of) => client.getStringDetails(...of),
    integer: (...of) => client.getNumberDetails(...of),
    float: (...of) => client.getNumberDetails(...of),
    object: (...of) => client.getObjectDetails(...of),
};

const answers = [];
for (const { flag, type, default: fallback, context } of JSON.parse(readFileSync(0, "utf8"))) {
    const { value, variant, reason, errorCode, flagMetadata } = await ask[type](flag, fallback, context);
    answers.push({ value, variant, reason, error: errorCode ?? null, metadata: flagMetadata });
}
process.stdout.write(JSON.stringify(answers));
