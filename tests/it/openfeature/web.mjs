// Holds flags with the provider of web pages, as a page does: commands as lines of JSON in, one answer each out.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

// The clients are not installed beside this file.
const installed = createRequire(process.env.OFREP_MODULES);
globalThis.EventSource = installed("eventsource").EventSource;
const { OpenFeature, ProviderEvents } = installed("@openfeature/web-sdk");
const { OFREPWebProvider } = installed("@openfeature/ofrep-web-provider");

// What the server answered, in order.
const statuses = [];
const fetchImplementation = async (...request) => {
    const response = await fetch(...request);
    statuses.push(response.status);
    return response;
};
const headers = [["Authorization", `Bearer ${process.env.OFREP_TOKEN}`]];
const baseUrl = process.env.OFREP_URL;
const provider = new OFREPWebProvider({ baseUrl, headers, fetchImplementation, cacheMode: "disabled" });
const client = OpenFeature.getClient();
const ask = {
    boolean: (...of) => client.getBooleanDetails(...of),
    string: (...of) => client.getStringDetails(...of),
    integer: (...of) => client.getNumberDetails(...of),
    float: (...of) => client.getNumberDetails(...of),
    object: (...of) => client.getObjectDetails(...of),
};

const details = ({ flag, type, default: fallback }) => {
    const { value, variant, reason, errorCode, flagMetadata } = ask[type](flag, fallback);
    return { value, variant, reason, error: errorCode ?? null, metadata: flagMetadata };
};

const commands = {
    async begin({ context }) {
        await OpenFeature.setContext(context);
        await OpenFeature.setProviderAndWait(provider);
        return {};
    },
    async context({ context }) {
        await OpenFeature.setContext(context);
        return {};
    },
    async ask(command) {
        return details(command);
    },
    // Until the flag has another value, without asking the server for it.
    async wait(command) {
        return await new Promise((resolve) => {
            const look = () => {
                const now = details(command);
                if (JSON.stringify(now.value) === JSON.stringify(command.value)) {
                    client.removeHandler(ProviderEvents.ConfigurationChanged, look);
                    resolve(now);
                }
            };
            client.addHandler(ProviderEvents.ConfigurationChanged, look);
            look();
        });
    },
};

for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    const answer = await commands[command.do](command);
    console.log(JSON.stringify({ ...answer, statuses: statuses.splice(0) }));
}
await OpenFeature.close();
process.exit(0);
