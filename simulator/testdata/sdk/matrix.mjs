// What programs do with the openai package of Node, against a simulator whose URL and key are the first arguments; the
// third is the error of a backend that nobody reaches. Prints a line for each.
import OpenAI, { AzureOpenAI } from "openai";
import assert from "node:assert";

const [url, apiKey, outage] = process.argv.slice(2);
const hello = (text = "Hello") => [{ role: "user", content: text }];
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const tools = [{ type: "function", function: { name: "get_weather", parameters: schema } }];

const does = {
  async chat(client) {
    const answer = await client.chat.completions.create({ model: "chat", messages: hello(), max_tokens: 20 });
    assert(answer.choices[0].message.content && answer.usage.completion_tokens <= 20);
  },
  async stream(client) {
    let text = "";
    for await (const chunk of await client.chat.completions.create({ model: "chat", messages: hello(), stream: true })) {
      text += chunk.choices[0]?.delta?.content ?? "";
    }
    assert(text);
  },
  async tool_loop(client) {
    const messages = hello("What is the weather in Paris?");
    const first = (await client.chat.completions.create({ model: "chat", messages, tools })).choices[0];
    assert.equal(first.finish_reason, "tool_calls");
    const call = first.message.tool_calls[0];
    assert("city" in JSON.parse(call.function.arguments));
    messages.push(first.message, { role: "tool", tool_call_id: call.id, content: "18 degrees" });
    const last = (await client.chat.completions.create({ model: "chat", messages, tools })).choices[0];
    assert(last.finish_reason === "stop" && last.message.content);
  },
  async parsed(client) {
    const response_format = { type: "json_schema", json_schema: { name: "place", strict: true, schema } };
    const answer = await client.chat.completions.parse({ model: "chat", messages: hello(), response_format });
    assert("city" in answer.choices[0].message.parsed);
  },
  async embeddings(client) {
    const answer = await client.embeddings.create({ model: "embed", input: ["a cat", "a dog"] });
    assert(answer.data.length === 2 && answer.data[0].embedding.length === 1536);
  },
  async chain(client) {
    let previous_response_id;
    for (let turn = 0; turn < 6; turn++) {
      const answer = await client.responses.create({ model: "chat", input: `Turn ${turn}`, previous_response_id });
      assert(answer.status === "completed" && answer.output_text);
      previous_response_id = answer.id;
    }
  },
  async retry(client) { // a refusal that comes late in its window is let go
    const ask = (maxRetries) => client.chat.completions.create({ model: "tight", messages: hello(), max_tokens: 2 }, { maxRetries });
    let wait = 0;
    for (let n = 0; n < 50 && wait <= 400; n++) {
      await ask(0).catch((e) => {
        assert(e instanceof OpenAI.RateLimitError);
        wait = Number(e.headers.get("retry-after-ms"));
        return wait > 400 || new Promise((over) => setTimeout(over, wait));
      });
    }
    assert(wait > 400 && wait <= 1000);
    const began = Date.now();
    await ask(3);
    assert(Date.now() - began > 200 && Date.now() - began < 3000);
  },
  async cancellation(client) {
    const stop = new AbortController();
    const answer = await client.chat.completions.create({ model: "slow", messages: hello("cancelled"), stream: true }, { signal: stop.signal });
    let n = 0;
    for await (const _ of answer) if (++n === 5) stop.abort();
    assert(n < 100);
  },
  async errors(client) {
    const fails = (kind, more, options) =>
      assert.rejects(client.chat.completions.create({ model: "chat", messages: hello(), ...more }, { maxRetries: 0, ...options }), kind);
    const fault = (wish) => ({ headers: { "x-foundrylab-fault": wish } });
    await fails(OpenAI.NotFoundError, { model: "nobody" });
    await fails(OpenAI.BadRequestError, { temperature: 9 });
    await fails(OpenAI.BadRequestError, {}, { headers: { "x-foundrylab-filter": "jailbreak" } });
    await fails(OpenAI.RateLimitError, { model: "chat-429" }, fault("status=429"));
    await fails(OpenAI.InternalServerError, { model: "chat-503" }, fault("status=503"));
    await fails(OpenAI[outage], { model: "chat-outage" }, fault("outage"));
    await fails(OpenAI.APIConnectionTimeoutError, {}, { ...fault("latency=5s"), timeout: 200 });
  },
};

const clients = {
  plain: new OpenAI({ baseURL: url + "/openai/v1", apiKey }),
  azure: new AzureOpenAI({ endpoint: url, apiKey, apiVersion: "2025-04-01-preview" }),
};
for (const [name, client] of Object.entries(clients)) {
  for (const [what, run] of Object.entries(does)) {
    await run(client);
    console.log("ok", name, what);
  }
}
