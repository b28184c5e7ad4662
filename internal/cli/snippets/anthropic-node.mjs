// npm install @anthropic-ai/sdk
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: "{{URL}}/anthropic", apiKey: "{{KEY}}" });
const message = await client.messages.create({
  model: "claude-sonnet-4-5",
  max_tokens: 100,
  messages: [{ role: "user", content: "Hello" }],
});
console.log(message.content[0].text);
